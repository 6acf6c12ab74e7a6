package hnswlib_test

import (
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

// Every goroutine has labels of its own and keeps what it did to them; all
// query, save and check the one index. Run it with -race.
func TestAnyCallFromAnyGoroutine(t *testing.T) {
	const workers, perWorker, dim, steps, seed = 4, 60, 8, 60, 51
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{MaxElements: 1, M: 4, EfConstruction: 20})
	models := make([]map[uint64][]float32, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := newRand(seed + uint64(w))
			live, deleted := map[uint64][]float32{}, map[uint64][]float32{}
			models[w] = live
			must := func(what string, err error) {
				if err != nil {
					t.Errorf("seed %d, worker %d: %s: %v", seed, w, what, err)
				}
			}
			for range steps {
				label := uint64(w*perWorker + r.IntN(perWorker))
				switch r.IntN(10) {
				case 0, 1, 2, 3:
					batch := clustered(r, 1+r.IntN(2*9), dim)
					labels := sequence(uint64(w*perWorker), len(batch))
					must("Add", ix.Add(flatten(batch), labels))
					for i, l := range labels {
						live[l] = batch[i]
						delete(deleted, l)
					}
				case 4:
					err := ix.MarkDeleted([]uint64{label})
					if live[label] == nil {
						if !errors.Is(err, hnswlib.ErrNotFound) && !errors.Is(err, hnswlib.ErrDeleted) {
							t.Errorf("seed %d, worker %d: MarkDeleted of no live label: %v", seed, w, err)
						}
						break
					}
					must("MarkDeleted", err)
					deleted[label] = live[label]
					delete(live, label)
				case 5:
					if deleted[label] != nil {
						must("UnmarkDeleted", ix.UnmarkDeleted([]uint64{label}))
						live[label] = deleted[label]
						delete(deleted, label)
					}
				case 6:
					_, err := ix.WriteTo(io.Discard)
					must("WriteTo", err)
					must("Check", ix.Check())
				case 7:
					if live[label] != nil {
						items, err := ix.Items([]uint64{label})
						must("Items", err)
						if err == nil && !slices.Equal(items[0], live[label]) {
							t.Errorf("seed %d, worker %d: Items(%d) is not what was added", seed, w, label)
						}
					}
				default:
					_, err := ix.KNNQuery(flatten(clustered(r, 3, dim)), 10, nil)
					if !errors.Is(err, hnswlib.ErrEmpty) { // before the first Add of all
						must("KNNQuery", err)
					}
					_, _ = ix.Len(), ix.Labels()
				}
			}
			// One's own labels cannot have been changed by others.
			for l := range live {
				if !ix.Has(l) {
					t.Errorf("seed %d, worker %d: label %d is gone", seed, w, l)
				}
			}
		})
	}
	wg.Wait()

	var labels []uint64
	var rows [][]float32
	for _, model := range models {
		for l, v := range model {
			labels, rows = append(labels, l), append(rows, v)
		}
	}
	if got := ix.Len(); got != len(labels) {
		t.Fatalf("seed %d: Len() = %d, want %d", seed, got, len(labels))
	}
	for _, q := range clustered(newRand(seed), 20, dim) {
		want := vec.Nearest(vec.L2, rows, q, 5)
		for i, n := range mustQuery(t, ix, q, 5, &hnswlib.Query{Ef: len(labels)}) {
			if labels[want[i].Row] != n.Label {
				t.Errorf("seed %d: neighbour %d is %d, want %d", seed, i, n.Label, labels[want[i].Row])
			}
		}
	}
}

func TestQueriesAreAnsweredDuringAnImport(t *testing.T) {
	const n, dim = 400, 64
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{MaxElements: 2 * n})
	rows := clustered(newRand(52), 2*n, dim)
	mustAdd(t, ix, rows[:n], sequence(0, n))

	done := make(chan error)
	go func() { done <- ix.Add(flatten(rows[n:]), sequence(n, n)) }()
	between := 0 // queries that saw a part of the import
	for ended := false; !ended; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			ended = true
		default:
			mustQuery(t, ix, rows[0], 1, nil)
			if l := ix.Len(); l > n && l < 2*n {
				between++
			}
		}
	}
	if between == 0 {
		t.Error("no query was answered between the first and the last slice of an Add")
	}
}

func TestCloseBreaksOffAnImport(t *testing.T) {
	const n, dim = 2000, 64
	ix := newIndex(t, hnswlib.L2, dim, nil)
	rows := clustered(newRand(53), n, dim)
	done := make(chan error)
	go func() { done <- ix.Add(flatten(rows), sequence(0, n)) }()
	for ix.Len() == 0 {
		queryAny(t, ix, rows[0], 1, nil)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := ix.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
	if err := <-done; !errors.Is(err, hnswlib.ErrClosed) {
		t.Errorf("Add during Close: %v, want %v", err, hnswlib.ErrClosed)
	}
}
