package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/store"
)

func TestCanceledCallsLeaveNothing(t *testing.T) {
	s := openNew(t)
	put(t, s, doc("a", "text", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func() error{
		"Put":         func() error { _, err := s.Put(ctx, []store.Document{doc("b", "b", 1)}); return err },
		"Delete":      func() error { _, err := s.Delete(ctx, []string{"a"}); return err },
		"Get":         func() error { _, err := s.Get(ctx, "a"); return err },
		"ByLabel":     func() error { _, err := s.ByLabel(ctx, []uint64{1}); return err },
		"Hashes":      func() error { _, err := s.Hashes(ctx, []string{"a"}); return err },
		"Settings":    func() error { _, err := s.Settings(ctx); return err },
		"SetSettings": func() error { return s.SetSettings(ctx, map[string]string{"k": "v"}) },
		"Check":       func() error { return s.Check(ctx) },
		"Documents":   func() error { return firstError(s.Documents(ctx)) },
		"Changes":     func() error { return firstError(s.Changes(ctx, 0)) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a canceled context = %v, want context.Canceled", name, err)
		}
	}
	if s.Len() != 1 || s.Sequence() != 1 {
		t.Errorf("Len(), Sequence() = %d, %d, want 1, 1", s.Len(), s.Sequence())
	}

	// Canceled in the loop's body, a loop ends.
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	put(t, s, doc("b", "b", 1), doc("c", "c", 1))
	var err error
	for _, err = range s.Documents(ctx) {
		cancel()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Documents canceled in its loop ends with %v, want context.Canceled", err)
	}
}

func TestCallsAfterCloseReturnErrClosed(t *testing.T) {
	s := openNew(t)
	put(t, s, doc("a", "a", 1), doc("b", "b", 1))
	var inLoop error
	for _, inLoop = range s.Documents(t.Context()) {
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v, want nil, however often", err)
		}
	}
	if !errors.Is(inLoop, store.ErrClosed) {
		t.Errorf("Documents closed in its loop ends with %v, want ErrClosed", inLoop)
	}
	ctx := t.Context()
	calls := map[string]func() error{
		"Put":         func() error { _, err := s.Put(ctx, []store.Document{doc("b", "b", 1)}); return err },
		"Delete":      func() error { _, err := s.Delete(ctx, nil); return err },
		"Get":         func() error { _, err := s.Get(ctx, "a"); return err },
		"ByLabel":     func() error { _, err := s.ByLabel(ctx, nil); return err },
		"Hashes":      func() error { _, err := s.Hashes(ctx, nil); return err },
		"Settings":    func() error { _, err := s.Settings(ctx); return err },
		"SetSettings": func() error { return s.SetSettings(ctx, nil) },
		"Graph":       func() error { _, err := s.Graph(ctx); return err },
		"SetGraph":    func() error { return s.SetGraph(ctx, store.Graph{}) },
		"Check":       func() error { return s.Check(ctx) },
		"Documents":   func() error { return firstError(s.Documents(ctx)) },
		"Changes":     func() error { return firstError(s.Changes(ctx, 0)) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close = %v, want ErrClosed", name, err)
		}
	}
}

func TestManyGoroutines(t *testing.T) {
	s := openNew(t)
	const writers, each = 4, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d/%d", w, i)
				if _, err := s.Put(t.Context(), []store.Document{doc(id, id, 1, 2)}); err != nil {
					t.Error(err)
				}
				if i%5 == 4 {
					if _, err := s.Delete(t.Context(), []string{id}); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Go(func() {
			for range each {
				for _, err := range s.Changes(t.Context(), 0) {
					if err != nil {
						t.Error(err)
					}
				}
				if _, err := s.Get(t.Context(), "0/0"); err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	const want = writers * each * 4 / 5
	if got := len(collect(t, s.Documents(t.Context()))); got != want || s.Len() != want {
		t.Errorf("Documents yields %d and Len() = %d, want %d", got, s.Len(), want)
	}
}
