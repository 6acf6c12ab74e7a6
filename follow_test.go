package minnow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/minnow-search/minnow"
)

func TestAReaderFollowsTheWriter(t *testing.T) {
	dir, _ := filled(t, 100)
	w := open(t, dir, &words{}, nil)
	r := open(t, dir, &words{}, &minnow.Options{ReadOnly: true})
	same := func(when string) {
		t.Helper()
		for _, mode := range []minnow.Mode{minnow.Vector, minnow.Text, minnow.Hybrid} {
			q := &minnow.Query{K: 500, Ef: 1000, Mode: mode}
			want, got := ids(ask1(t, w, "w1 w2 w3", q)), ids(ask1(t, r, "w1 w2 w3", q))
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s, %s: the reader finds %q, the writer %q", when, mode, got, want)
			}
		}
		if r.Len() != w.Len() {
			t.Errorf("%s: the reader has %d documents, the writer %d", when, r.Len(), w.Len())
		}
	}
	same("at first")
	add(t, w, doc("new", "w1 w2"), doc("7", "w3 changed"))
	same("after Add")
	if _, err := w.Delete(t.Context(), "8", "new"); err != nil {
		t.Fatal(err)
	}
	same("after Delete")
	add(t, w, doc("9", "w1 changed"))
	if err := w.Save(t.Context()); err != nil { // what was removed is forgotten
		t.Fatal(err)
	}
	same("after Save")
	add(t, w, doc("10", "w2 changed"))
	if err := w.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	same("after Compact")

	for name, err := range map[string]error{
		"Add":         r.Add(t.Context(), doc("a", "b")),
		"AddVectors":  r.AddVectors(t.Context(), nil, nil),
		"AddSeq":      func() error { _, err := r.AddSeq(t.Context(), supply(1)); return err }(),
		"Delete":      func() error { _, err := r.Delete(t.Context(), "1"); return err }(),
		"ImportIndex": func() error { _, err := r.ImportIndex(t.Context(), "x"); return err }(),
		"Save":        r.Save(t.Context()),
		"Compact":     r.Compact(t.Context()),
	} {
		if !errors.Is(err, minnow.ErrReadOnly) {
			t.Errorf("%s of a reader = %v, want ErrReadOnly", name, err)
		}
	}
	var backup bytes.Buffer
	if err := errors.Join(r.Backup(t.Context(), &backup), r.ExportIndex(t.Context(), filepath.Join(t.TempDir(), "x"))); err != nil {
		t.Errorf("Backup and ExportIndex of a reader: %v", err)
	}
	if _, err := minnow.Open(dir, &words{id: "other"}, &minnow.Options{ReadOnly: true}); !errors.Is(err, minnow.ErrModelMismatch) {
		t.Errorf("reading with another model = %v, want ErrModelMismatch", err)
	}
	if _, err := minnow.Open(filepath.Join(dir, "no"), &words{}, &minnow.Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading what is not there = %v, want fs.ErrNotExist", err)
	}
	closeNow(t, w)
	if got := len(query(t, r, "w1", 500)); got != r.Len() {
		t.Errorf("after the writer closed: %d hits of %d", got, r.Len())
	}
}

// A reader's every answer is of documents that were there at one time.
func TestAReaderBesideAWriterThatIsBusy(t *testing.T) {
	dir, _ := filled(t, 60)
	w := open(t, dir, &words{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			id := fmt.Sprint(i % 40)
			if err := w.Add(t.Context(), doc(id, sentence(i))); err != nil {
				t.Error(err)
			}
			if i%5 == 0 {
				if _, err := w.Delete(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
			if i%17 == 0 {
				if err := w.Save(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	r := open(t, dir, &words{}, &minnow.Options{ReadOnly: true})
	for i := range 200 {
		hits, err := r.KNNQuery(t.Context(), sentence(i), &minnow.Query{K: 100, Ef: 200})
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(hits); len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) || len(got) < 50 {
			t.Errorf("%d hits with an ID twice, or too few: %q", len(got), got)
		}
	}
	cancel()
	writing.Wait()
}
