package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/store"
)

func TestDocumentsAreKeptByteForByte(t *testing.T) {
	for _, test := range []struct{ name, id, text, metadata string }{
		{"plain text", "a", "a small fish", ""},
		{"an empty text", "a", "", ""},
		{"metadata with spaces and odd numbers", "a", "x", "\n { \"n\": 12345678901234567890.10, \"a\":[1e0] } "},
		{"an empty object", "a", "x", "{}"},
		{"NUL bytes", "a\x00b", "before\x00after", `{"k":"\u0000"}`},
		{"text of other scripts", "ключ/魚?#%41", "小さな魚 🐟", `{"魚":"🐟"}`},
		{"a long text", "long", strings.Repeat("fish ", 2<<20), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := openNew(t)
			want := withMetadata(doc(test.id, test.text, 1, -0.5), test.metadata)
			put(t, s, doc("a", "shadowed by a NUL?", 3, 4))
			put(t, s, want)
			got, err := s.Get(t.Context(), test.id)
			if err != nil {
				t.Fatal(err)
			}
			want.Passages, want.Sequence = nil, 2
			if d := diff(want, got); d != "" {
				t.Errorf("Get(%q): -want +got\n%s", test.id, d)
			}
		})
	}
}

func TestInvalidDocumentsAreRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		docs []store.Document
		want error
	}{
		{"an empty ID", []store.Document{doc("", "x", 1)}, store.ErrInvalid},
		{"an ID that is not UTF-8", []store.Document{doc("\xff", "x", 1)}, store.ErrInvalid},
		{"a text that is not UTF-8", []store.Document{doc("a", "\xff", 1)}, store.ErrInvalid},
		{"metadata that is an array", []store.Document{withMetadata(doc("a", "x", 1), "[]")}, store.ErrInvalid},
		{"metadata that is no JSON", []store.Document{withMetadata(doc("a", "x", 1), "{")}, store.ErrInvalid},
		{"metadata that is not UTF-8", []store.Document{withMetadata(doc("a", "x", 1), "{\"k\":\"\xff\"}")}, store.ErrInvalid},
		{"metadata that is white space", []store.Document{withMetadata(doc("a", "x", 1), " ")}, store.ErrInvalid},
		{"an empty vector", []store.Document{{ID: "a", Passages: store.Whole("", nil)}}, store.ErrInvalid},
		{"no passage", []store.Document{{ID: "a", Passages: []store.Passage{}}}, store.ErrInvalid},
		{"a passage beyond the text", []store.Document{{ID: "a", Text: "x", Passages: store.Whole("xy", []float32{1})}}, store.ErrInvalid},
		{"a passage that ends before it begins", []store.Document{{ID: "a", Text: "xy", Passages: []store.Passage{{Start: 1, Vector: []float32{1}}}}}, store.ErrInvalid},
		{"one ID twice", []store.Document{doc("a", "x", 1), doc("a", "y", 1)}, store.ErrInvalid},
		{"a new document without a vector", []store.Document{doc("a", "x")}, store.ErrNoVector},
		{"another text without a vector", []store.Document{doc("old", "other")}, store.ErrNoVector},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := openNew(t)
			put(t, s, doc("old", "text", 1))
			_, err := s.Put(t.Context(), append([]store.Document{doc("new", "good", 1)}, test.docs...))
			if !errors.Is(err, test.want) {
				t.Fatalf("Put() = %v, want %v", err, test.want)
			}
			if got := s.Len(); got != 1 {
				t.Errorf("Len() = %d after a refused batch, want 1", got)
			}
			if got := s.Sequence(); got != 1 {
				t.Errorf("Sequence() = %d after a refused batch, want 1", got)
			}
		})
	}
}

func TestByLabelAndHashesPassOverWhatIsGone(t *testing.T) {
	s := openNew(t)
	put(t, s, doc("a", "one", 1), doc("b\x00", "two", 2), doc("c", "three", 3))
	remove(t, s, "a")
	got, err := s.ByLabel(t.Context(), []uint64{3, 1, 2, 1 << 63})
	if err != nil {
		t.Fatal(err)
	}
	b, c := doc("b\x00", "two"), doc("c", "three")
	b.Sequence, c.Sequence = 1, 1
	want := map[uint64]store.Row{
		2: {Document: b, Passage: store.Passage{Label: 2, End: len("two")}},
		3: {Document: c, Passage: store.Passage{Label: 3, End: len("three")}},
	}
	if d := diff(want, got); d != "" {
		t.Errorf("ByLabel: -want +got\n%s", d)
	}
	hashes, err := s.Hashes(t.Context(), []string{"a", "b\x00", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(map[string][32]byte{"b\x00": b.Hash, "c": c.Hash}, hashes); d != "" {
		t.Errorf("Hashes: -want +got\n%s", d)
	}
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of a removed document = %v, want ErrNotFound", err)
	}
}

func TestDocumentsShowsOneMomentAndMayNest(t *testing.T) {
	s := openNew(t)
	const n = 40 // more loops inside loops than a bounded pool would have connections
	var docs []store.Document
	for i := range n {
		docs = append(docs, doc(fmt.Sprintf("%02d", i), "text", float32(i)))
	}
	put(t, s, docs...)
	var nest func(depth int)
	nest = func(depth int) {
		for _, err := range s.Documents(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if depth < n {
				nest(depth + 1)
			}
			break
		}
	}
	nest(0)

	var ids []string
	for d, err := range s.Documents(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
		remove(t, s, fmt.Sprintf("%02d", n-len(ids))) // from the other end
	}
	if len(ids) != n || !slices.IsSorted(ids) {
		t.Errorf("Documents beside deletes yields %q, want all %d in order", ids, n)
	}
	if got := s.Len(); got != 0 {
		t.Errorf("Len() = %d, want 0", got)
	}
}

func TestSettingsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d%41", "minnow.db")
	if err := os.Mkdir(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, &store.Options{DeferSync: true})
	for _, settings := range []map[string]string{{"dim": "3", "model": "ünï"}, {"dim": "4"}} {
		if err := s.SetSettings(t.Context(), settings); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, doc("a", "text", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is elsewhere: %v", err)
	}
	s = open(t, path, nil)
	got, err := s.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(map[string]string{"dim": "4", "model": "ünï"}, got); d != "" {
		t.Errorf("Settings: -want +got\n%s", d)
	}
	if s.Sequence() != 1 || s.Len() != 1 {
		t.Errorf("Sequence(), Len() = %d, %d, want 1, 1", s.Sequence(), s.Len())
	}
}

func BenchmarkByLabel(b *testing.B) {
	s := openNew(b)
	docs := make([]store.Document, 2000)
	for i := range docs {
		docs[i] = withMetadata(doc(fmt.Sprint(i), strings.Repeat("a small fish ", 10), make([]float32, 384)...), `{"n":1}`)
	}
	put(b, s, docs...)
	labels := []uint64{3, 1999, 700, 701, 25, 64, 1024, 512, 1500, 1}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.ByLabel(b.Context(), labels); err != nil {
			b.Fatal(err)
		}
	}
}
