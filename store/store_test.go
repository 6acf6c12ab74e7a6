package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"iter"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/minnow-search/minnow/store"
)

func open(t testing.TB, path string, o *store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Check(context.Background()); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("Check() = %v, want nil", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return s
}

func openNew(t testing.TB) *store.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "minnow.db"), nil)
}

func doc(id, text string, vector ...float32) store.Document {
	d := store.Document{ID: id, Text: text, Hash: sha256.Sum256([]byte(text))}
	if vector != nil {
		d.Passages = store.Whole(text, vector)
	}
	return d
}

func withMetadata(d store.Document, metadata string) store.Document {
	d.Metadata = json.RawMessage(metadata)
	return d
}

func put(t testing.TB, s *store.Store, docs ...store.Document) store.Receipt {
	t.Helper()
	r, err := s.Put(t.Context(), docs)
	if err != nil {
		t.Fatalf("Put() = %v", err)
	}
	return r
}

func remove(t testing.TB, s *store.Store, ids ...string) store.Receipt {
	t.Helper()
	r, err := s.Delete(t.Context(), ids)
	if err != nil {
		t.Fatalf("Delete(%q) = %v", ids, err)
	}
	return r
}

func collect[T any](t testing.TB, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func diff(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

func firstError[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}
