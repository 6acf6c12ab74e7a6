package minnow

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/minnow-search/minnow/internal/durable"
)

// Every file operation of Open, Save and Close fails in its turn, once or from
// then on. Nothing that was acknowledged may be missing afterwards, and the
// answers are the same.
func TestNothingIsLostWhateverFileOperationFails(t *testing.T) {
	for _, fault := range []struct {
		name    string
		err     error
		forever bool
	}{
		{"one error", syscall.EIO, false},
		{"a full disk from then on", syscall.ENOSPC, true},
	} {
		t.Run(fault.name, func(t *testing.T) {
			failed := 0
			for step := int64(0); ; step++ {
				dir := filepath.Join(t.TempDir(), "collection")
				// Something is saved before, so that there is an old graph to lose.
				c, err := Open(dir, lengths{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				acknowledged := addLengths(t, c, 0, 5)
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}

				files := &durable.Faulty{At: step, Err: fault.err, Forever: fault.forever}
				c, err = open(t.Context(), dir, lengths{}, nil, files)
				if err == nil {
					acknowledged = append(acknowledged, addLengths(t, c, 5, 5)...)
					err = c.Save(t.Context())
					acknowledged = append(acknowledged, addLengths(t, c, 10, 5)...)
					hits, queryErr := c.KNNQuery(t.Context(), "xxx", &Query{K: 100})
					if queryErr != nil || len(hits) != len(acknowledged) {
						t.Errorf("step %d: %d hits, %v, of %d documents", step, len(hits), queryErr, len(acknowledged))
					}
					err = errors.Join(err, c.Close())
				}
				if err != nil && !errors.Is(err, fault.err) {
					t.Errorf("step %d: %v, want %v", step, err, fault.err)
				}
				wantLengths(t, dir, acknowledged, fmt.Sprintf("step %d", step))
				if !files.Reached() {
					break
				}
				failed++
			}
			// Open lists and reads; each save writes two files of several steps.
			if failed < 20 {
				t.Errorf("only %d operations could fail", failed)
			}
		})
	}
}

func addLengths(t *testing.T, c *Collection, from, n int) (ids []string) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := c.Add(t.Context(), Document{ID: fmt.Sprint(i), Text: strings.Repeat("x", i+1)}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, fmt.Sprint(i))
	}
	return ids
}

// wantLengths opens a collection and compares it with what was acknowledged.
func wantLengths(t *testing.T, dir string, ids []string, when string) {
	t.Helper()
	c, err := Open(dir, lengths{}, nil)
	if err != nil {
		t.Fatalf("%s: Open = %v", when, err)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("%s: Check = %v", when, err)
	}
	for _, id := range ids {
		if _, err := c.Get(t.Context(), id); err != nil {
			t.Errorf("%s: Get = %v", when, err)
		}
	}
	if hits, err := c.KNNQuery(t.Context(), "xxx", &Query{K: 100}); err != nil || len(hits) != len(ids) || len(ids) > 2 && hits[0].Distance > 1e-6 {
		t.Errorf("%s: %d hits, %v, of %d documents", when, len(hits), err, len(ids))
	}
	if err := c.Close(); err != nil {
		t.Errorf("%s: Close = %v", when, err)
	}
}
