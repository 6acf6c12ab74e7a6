package hnswlib_test

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

var (
	modelSeed  = flag.Uint64("model.seed", 0, "replay this seed of TestModel; 0 draws one")
	modelSteps = flag.Int("model.steps", 400, "steps of TestModel")
)

// model is what an index should hold.
type model struct {
	live, deleted map[uint64][]float32
}

// TestModel does random things to an index and to two maps, and holds the
// answers of the one to the other, single-threaded and exact. Replay a failure:
//
//	go test ./hnswlib -run TestModel/SPACE -model.seed=SEED
func TestModel(t *testing.T) {
	for space, oracle := range oracles {
		t.Run(space.String(), func(t *testing.T) {
			seed := *modelSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			t.Logf("seed %d", seed)
			r := newRand(seed)
			dim := 1 + r.IntN(12)
			cfg := &hnswlib.Config{
				M: 2 + r.IntN(8), EfConstruction: 1 + r.IntN(40), MaxElements: 1 + r.IntN(50),
				ReplaceDeleted: r.IntN(2) == 0, Threads: 1 + r.IntN(3),
			}
			ix, err := hnswlib.New(space, dim, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { checkAndClose(t, ix) }()
			m := model{live: map[uint64][]float32{}, deleted: map[uint64][]float32{}}
			for step := range *modelSteps {
				ix = m.step(t, r, ix, cfg, oracle)
				if t.Failed() {
					t.Fatalf("seed %d, step %d, dimension %d, %+v", seed, step, dim, *cfg)
				}
			}
		})
	}
}

// step does one random thing to both, and returns the index to go on with.
func (m *model) step(t *testing.T, r *rand.Rand, ix *hnswlib.Index, cfg *hnswlib.Config, oracle vec.Distance) *hnswlib.Index {
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	label := uint64(r.IntN(300))
	switch r.IntN(12) {
	case 0, 1, 2, 3:
		rows := clustered(r, 1+r.IntN(40), ix.Dim())
		labels := sequence(label, len(rows))
		must(ix.Add(flatten(rows), labels))
		for i, l := range labels {
			m.live[l] = rows[i]
			delete(m.deleted, l)
		}
	case 4:
		row := gaussian(r, ix.Dim(), 1)
		labels, err := ix.AddAuto(row)
		must(err)
		if err == nil && (m.live[labels[0]] != nil || m.deleted[labels[0]] != nil) {
			t.Errorf("AddAuto gave label %d, which is taken", labels[0])
		}
		if err == nil {
			m.live[labels[0]] = row
		}
	case 5, 6:
		n := min(len(m.live), r.IntN(20))
		labels := slices.Sorted(maps.Keys(m.live))[:n]
		must(ix.MarkDeleted(labels))
		for _, l := range labels {
			m.deleted[l] = m.live[l]
			delete(m.live, l)
		}
	case 7:
		if m.deleted[label] != nil {
			must(ix.UnmarkDeleted([]uint64{label}))
			m.live[label] = m.deleted[label]
			delete(m.deleted, label)
		} else if err := ix.UnmarkDeleted([]uint64{label}); m.live[label] == nil && !errors.Is(err, hnswlib.ErrNotFound) {
			t.Errorf("UnmarkDeleted of an unknown label: %v", err)
		}
	case 8:
		must(ix.Resize(1 + len(m.live) + len(m.deleted) + r.IntN(100)))
	case 9:
		if r.IntN(4) == 0 {
			must(ix.Compact())
			clear(m.deleted)
		}
	case 10:
		var file bytes.Buffer
		_, err := ix.WriteTo(&file)
		must(err)
		loaded, err := hnswlib.Read(&file, int64(file.Len()), ix.Space(), ix.Dim(), cfg)
		if err != nil {
			t.Error(err)
			break
		}
		checkAndClose(t, ix)
		ix = loaded
	default:
		m.compare(t, r, ix, oracle)
	}
	// A rebuild on adding may have forgotten the deleted labels, all of them.
	if cfg.ReplaceDeleted && ix.DeletedLen() == 0 {
		clear(m.deleted)
	}
	if ix.Len() != len(m.live) || ix.DeletedLen() != len(m.deleted) {
		t.Errorf("Len, DeletedLen = %d, %d, want %d, %d", ix.Len(), ix.DeletedLen(), len(m.live), len(m.deleted))
	}
	return ix
}

// compare asks exact questions, filtered and not.
func (m *model) compare(t *testing.T, r *rand.Rand, ix *hnswlib.Index, oracle vec.Distance) {
	labels := slices.Sorted(maps.Keys(m.live))
	if !slices.Equal(labels, ix.Labels()) {
		t.Errorf("Labels() = %v, want %v", ix.Labels(), labels)
		return
	}
	opt := &hnswlib.Query{Ef: 10_000}
	if r.IntN(2) == 0 {
		kept, rest := partition(labels, func(uint64) bool { return r.IntN(3) > 0 })
		opt.Filter = hnswlib.Deny(rest)
		labels = kept
	}
	var rows [][]float32
	for _, l := range labels {
		rows = append(rows, m.live[l])
	}
	q := gaussian(r, ix.Dim(), 1)
	k := 1 + r.IntN(20)
	got := mustQuery(t, ix, q, k, opt)
	want := vec.Nearest(oracle, rows, q, k)
	if len(got) != len(want) {
		t.Errorf("KNNQuery(k %d) = %d answers, want %d", k, len(got), len(want))
		return
	}
	for i, hit := range want {
		// Neighbours at distances that float32 cannot tell apart may change places.
		d := oracle(q, m.live[got[i].Label])
		if diff := d - hit.Distance; diff > 1e-4 || diff < -1e-4 {
			t.Errorf("neighbour %d is %d at %v, want %d at %v", i, got[i].Label, d, labels[hit.Row], hit.Distance)
		}
	}
}

// Many goroutines do the same with labels of their own, in one index; TestModel
// with more than one thread at it, for -race to watch.
func TestModelManyGoroutines(t *testing.T) {
	const workers, dim = 4, 6
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{M: 4, EfConstruction: 20, MaxElements: 1})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := newRand(seed + uint64(w))
			live := map[uint64][]float32{}
			for range *modelSteps / 4 {
				label := uint64(w)<<32 + uint64(r.IntN(50))
				row := gaussian(r, dim, 1)
				switch r.IntN(5) {
				case 0, 1:
					if err := ix.Add(row, []uint64{label}); err != nil {
						t.Errorf("seed %d: Add: %v", seed, err)
					}
					live[label] = row
				case 2:
					if live[label] != nil {
						if err := ix.MarkDeleted([]uint64{label}); err != nil {
							t.Errorf("seed %d: MarkDeleted: %v", seed, err)
						}
						delete(live, label)
					}
				case 3: // one's own labels, exactly
					mine := slices.Sorted(maps.Keys(live))
					opt := &hnswlib.Query{Filter: hnswlib.Allow(mine), Ef: 1000}
					rows, err := ix.KNNQuery(row, len(mine)+1, opt)
					if err != nil || len(rows[0]) != len(mine) {
						t.Errorf("seed %d: KNNQuery = %d answers, %v, want %d", seed, len(rows[0]), err, len(mine))
					}
				default:
					if _, err := ix.Within(row, 1, &hnswlib.Range{Ef: 10}); err != nil {
						t.Errorf("seed %d: Within: %v", seed, err)
					}
					for l, v := range ix.All() {
						if l>>32 == uint64(w) && !slices.Equal(v, live[l]) {
							t.Errorf("seed %d: All: label %d has another vector", seed, l)
						}
					}
				}
			}
		})
	}
	wg.Wait()
}
