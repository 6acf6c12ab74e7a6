package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minnow-search/minnow/store"
)

func TestLabelsAreNeverGivenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minnow.db")
	s := open(t, path, nil)
	first := put(t, s, doc("a", "one", 1), doc("b", "two", 2))
	if d := diff(store.Receipt{Sequence: 1, Labels: [][]uint64{{1}, {2}}}, first); d != "" {
		t.Errorf("first Put: -want +got\n%s", d)
	}
	again := put(t, s, doc("b", "another", 3))
	if d := diff(store.Receipt{Sequence: 2, Labels: [][]uint64{{3}}, Removed: []uint64{2}}, again); d != "" {
		t.Errorf("Put of another text: -want +got\n%s", d)
	}
	gone := remove(t, s, "b", "unknown")
	if d := diff(store.Receipt{Sequence: 3, Removed: []uint64{3}, Deleted: 1}, gone); d != "" {
		t.Errorf("Delete: -want +got\n%s", d)
	}
	// The highest label is gone from the tables; a reopened store knows it all
	// the same, even once the removal itself is forgotten.
	if err := s.SetGraph(t.Context(), store.Graph{Sequence: 3}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, nil)
	back := put(t, s, doc("b", "another", 3))
	if d := diff(store.Receipt{Sequence: 4, Labels: [][]uint64{{4}}}, back); d != "" {
		t.Errorf("Put after reopening: -want +got\n%s", d)
	}
}

func TestOnlyChangesTakeASequenceNumber(t *testing.T) {
	s := openNew(t)
	a := withMetadata(doc("a", "text", 1), `{"n":1}`)
	put(t, s, a)
	a.Passages = nil
	for _, test := range []struct {
		name  string
		write func() store.Receipt
		want  store.Receipt
	}{
		{"the same document", func() store.Receipt { return put(t, s, a) }, store.Receipt{Sequence: 1, Labels: [][]uint64{nil}}},
		{"an unknown ID to delete", func() store.Receipt { return remove(t, s, "b") }, store.Receipt{Sequence: 1}},
		{"nothing to put", func() store.Receipt { return put(t, s) }, store.Receipt{Sequence: 1}},
		{"other metadata", func() store.Receipt { return put(t, s, withMetadata(a, `{"n":2}`)) }, store.Receipt{Sequence: 2, Labels: [][]uint64{nil}}},
	} {
		if d := diff(test.want, test.write()); d != "" {
			t.Errorf("%s: -want +got\n%s", test.name, d)
		}
	}
	got, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := withMetadata(a, `{"n":2}`)
	want.Sequence = 2
	if d := diff(want, got); d != "" {
		t.Errorf("Get after other metadata: -want +got\n%s", d)
	}
}

func TestChangesBringAGraphUpToDate(t *testing.T) {
	s := openNew(t)
	put(t, s, doc("a", "one", 1), doc("b", "two", 2))     // labels 1 and 2 at 1
	put(t, s, doc("a", "one more", 3), doc("c", "ce", 4)) // labels 3 and 4 at 2, 1 removed
	remove(t, s, "c")                                     // 4 removed at 3
	put(t, s, doc("d", "de", 5))                          // label 5 at 4

	all := []store.Change{
		{Label: 1, Sequence: 2}, {Label: 2, Sequence: 1, Vector: []float32{2}}, {Label: 3, Sequence: 2, Vector: []float32{3}},
		{Label: 4, Sequence: 3}, {Label: 5, Sequence: 4, Vector: []float32{5}},
	}
	changes := func(since uint64) []store.Change {
		t.Helper()
		got := collect(t, s.Changes(t.Context(), since))
		slices.SortFunc(got, func(a, b store.Change) int { return int(a.Label) - int(b.Label) })
		return got
	}
	for since := range uint64(6) {
		want := slices.DeleteFunc(slices.Clone(all), func(c store.Change) bool { return c.Sequence <= since })
		if d := diff(want, changes(since)); d != "" {
			t.Errorf("Changes(%d): -want +got\n%s", since, d)
		}
	}

	saved := store.Graph{Sequence: 2, CRC32C: 0xfedcba98}
	if err := s.SetGraph(t.Context(), saved); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Graph(t.Context()); err != nil || got != saved {
		t.Errorf("Graph() = %v, %v, want %v", got, err, saved)
	}
	if d := diff([]store.Change{all[3], all[4]}, changes(2)); d != "" {
		t.Errorf("Changes(2) after pruning: -want +got\n%s", d)
	}
	if d := diff(all[1:], changes(0)); d != "" {
		t.Errorf("Changes(0) after pruning: -want +got\n%s", d)
	}
	for _, err := range s.Changes(t.Context(), 1) {
		if !errors.Is(err, store.ErrPruned) {
			t.Errorf("Changes(1) after pruning yields %v, want ErrPruned", err)
		}
	}
	if err := s.SetGraph(t.Context(), store.Graph{Sequence: 5}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("SetGraph() of the future = %v, want ErrInvalid", err)
	}
}

func TestABigBatchIsOneWrite(t *testing.T) {
	s := openNew(t)
	docs := make([]store.Document, 5000)
	for i := range docs {
		docs[i] = doc(fmt.Sprint(i), fmt.Sprint("text ", i), make([]float32, 384)...)
	}
	if got := put(t, s, docs...); got.Sequence != 1 || len(got.Labels) != len(docs) {
		t.Errorf("Put of %d documents has sequence %d and %d labels, want 1 and %d", len(docs), got.Sequence, len(got.Labels), len(docs))
	}
	if got := s.Len(); got != len(docs) {
		t.Errorf("Len() = %d, want %d", got, len(docs))
	}
}
