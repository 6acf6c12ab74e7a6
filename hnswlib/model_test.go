package hnswlib_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
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

var engines = []hnswlib.Engine{hnswlib.Own, hnswlib.Upstream}

// model is what an index should hold.
type model struct {
	most          int // of a batch
	live, deleted map[uint64][]float32
}

// TestModel does random things to an index and to two maps, and holds the
// answers of the one to the other, single-threaded; of every space, engine and
// quantization. Replay a failure:
//
//	go test ./hnswlib -run TestModel/SPACE/ENGINE/QUANTIZATION -model.seed=SEED
func TestModel(t *testing.T) {
	for space, oracle := range oracles {
		for _, engine := range engines {
			for _, q := range quantizations {
				t.Run(fmt.Sprintf("%v/%v/%v", space, engine, q), func(t *testing.T) {
					t.Parallel()
					seed := *modelSeed
					if seed == 0 {
						seed = rand.Uint64()
					}
					t.Logf("seed %d", seed)
					r := newRand(seed)
					dim := 1 + r.IntN(12)
					cfg := &hnswlib.Config{
						M: 2 + r.IntN(8), EfConstruction: 1 + r.IntN(40), MaxElements: 1 + r.IntN(50),
						ReplaceDeleted: r.IntN(2) == 0, Threads: 1 + r.IntN(3), Engine: engine, Quantization: q,
					}
					ix, err := hnswlib.New(space, dim, cfg)
					if err != nil {
						t.Fatal(err)
					}
					defer func() { checkAndClose(t, ix) }()
					// Some have hundreds of elements, enough for codes to be learned of, and again.
					most := []int{40, 40, 600}[r.IntN(3)]
					m := model{most: most, live: map[uint64][]float32{}, deleted: map[uint64][]float32{}}
					steps := *modelSteps / 3
					if most > 40 {
						steps /= 2
					}
					for step := range steps {
						ix = m.step(t, r, ix, cfg, oracle)
						if t.Failed() {
							t.Fatalf("seed %d, step %d, dimension %d, %+v", seed, step, dim, *cfg)
						}
					}
				})
			}
		}
	}
}

// step does one random thing to both, and returns the index to go on with.
func (m *model) step(t *testing.T, r *rand.Rand, ix *hnswlib.Index, cfg *hnswlib.Config, oracle vec.Distance) *hnswlib.Index {
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	label := uint64(r.IntN(300 + 2*m.most))
	switch r.IntN(14) {
	case 0, 1, 2, 3:
		rows := clustered(r, 1+r.IntN(m.most), ix.Dim())
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
	case 11, 12:
		m.walk(t, r, ix, oracle)
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

// walk asks for what a walk finds, not for the very nearest: as many as asked
// for, live and let in, at their exact distances, and in order.
func (m *model) walk(t *testing.T, r *rand.Rand, ix *hnswlib.Index, oracle vec.Distance) {
	opt := &hnswlib.Query{Ef: 1 + r.IntN(30), Engine: engines[r.IntN(2)]}
	if opt.Engine == hnswlib.Own && r.IntN(4) == 0 {
		opt.Ef, opt.Recall = 0, 0.9
	}
	kept := func(uint64) bool { return true }
	n := len(m.live)
	if r.IntN(2) == 0 {
		parts := uint64(2 + r.IntN(5))
		kept = func(l uint64) bool { return l%parts > 0 }
		opt.Filter = hnswlib.FilterFunc(slices.Collect(maps.Keys(m.live)), kept)
		n = 0
		for l := range m.live {
			if kept(l) {
				n++
			}
		}
	}
	q := gaussian(r, ix.Dim(), 1)
	k := 1 + r.IntN(20)
	check := func(call string, got []hnswlib.Neighbor) {
		for i, hit := range got {
			v := m.live[hit.Label]
			if v == nil || !kept(hit.Label) {
				t.Errorf("%s with %+v: label %d is in the answer", call, *opt, hit.Label)
				continue
			}
			if d := oracle(q, v); math.Abs(d-float64(hit.Distance)) > 1e-4*(1+math.Abs(d)) {
				t.Errorf("%s: label %d at %v, want %v", call, hit.Label, hit.Distance, d)
			}
			if i > 0 && (hit.Distance < got[i-1].Distance || hit.Distance == got[i-1].Distance && hit.Label <= got[i-1].Label) {
				t.Errorf("%s: %v after %v", call, hit, got[i-1])
			}
		}
	}
	got := queryAny(t, ix, q, k, opt)
	if len(got) != min(k, n) {
		t.Errorf("KNNQuery(k %d) with %+v = %d answers, want %d", k, *opt, len(got), min(k, n))
	}
	check("KNNQuery", got)
	if len(got) == 0 {
		return
	}
	radius := got[r.IntN(len(got))].Distance
	hits, err := ix.Within(q, radius, &hnswlib.Range{Ef: 1 + r.IntN(30), Filter: opt.Filter})
	if err != nil {
		t.Error(err)
	}
	check("Within", hits)
	if len(hits) > 0 && hits[len(hits)-1].Distance > radius {
		t.Errorf("Within(%v) = %v", radius, hits[len(hits)-1])
	}
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
	got := queryAny(t, ix, q, k, opt)
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
	for _, engine := range engines {
		for _, q := range quantizations {
			t.Run(fmt.Sprintf("%v/%v", engine, q), func(t *testing.T) {
				t.Parallel()
				seed := *modelSeed
				if seed == 0 {
					seed = rand.Uint64()
				}
				ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{M: 4, EfConstruction: 20, MaxElements: 1, Engine: engine, Quantization: q})
				var wg sync.WaitGroup
				for w := range workers {
					wg.Go(func() {
						m := ownLabels{first: uint64(w) << 32, live: map[uint64][]float32{}, deleted: map[uint64][]float32{}}
						r := newRand(seed + uint64(w))
						for range *modelSteps / 8 {
							if err := m.step(r, ix); err != nil {
								t.Errorf("seed %d, goroutine %d: %v", seed, w, err)
							}
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

// ownLabels is what an index should hold from first to first + 2^32.
type ownLabels struct {
	first         uint64
	live, deleted map[uint64][]float32
}

func (m *ownLabels) step(r *rand.Rand, ix *hnswlib.Index) error {
	label := m.first + uint64(r.IntN(50))
	row := gaussian(r, ix.Dim(), 1)
	switch r.IntN(10) {
	case 9: // so many that codes are learned
		rows := clustered(r, 150, ix.Dim())
		labels := sequence(m.first+50, len(rows))
		for i, l := range labels {
			m.live[l] = rows[i]
		}
		return ix.Add(flatten(rows), labels)
	case 0, 1, 2:
		m.live[label] = row
		delete(m.deleted, label)
		return ix.Add(row, []uint64{label})
	case 3:
		if m.live[label] == nil {
			return nil
		}
		m.deleted[label] = m.live[label]
		delete(m.live, label)
		return ix.MarkDeleted([]uint64{label})
	case 4:
		if m.deleted[label] == nil {
			return nil
		}
		m.live[label] = m.deleted[label]
		delete(m.deleted, label)
		return ix.UnmarkDeleted([]uint64{label})
	case 5: // more than all of them can need, so that it never is too few labels
		return ix.Resize(1000 + r.IntN(1000))
	case 6:
		var file bytes.Buffer
		if _, err := ix.WriteTo(&file); err != nil {
			return err
		}
		loaded, err := hnswlib.Read(&file, int64(file.Len()), ix.Space(), ix.Dim(), nil)
		if err != nil {
			return err
		}
		defer loaded.Close()
		return errors.Join(loaded.Check(), m.compare(loaded, row))
	case 7:
		if _, err := ix.Within(row, 1, &hnswlib.Range{Ef: 10}); err != nil && !errors.Is(err, hnswlib.ErrEmpty) {
			return err
		}
		for l, v := range ix.All() {
			if l>>32 == m.first>>32 && !slices.Equal(v, m.live[l]) {
				return fmt.Errorf("All: label %d has another vector", l)
			}
		}
	}
	return m.compare(ix, row)
}

// compare asks for all of one's own labels, and wants them in the right order.
func (m *ownLabels) compare(ix *hnswlib.Index, query []float32) error {
	mine := slices.Sorted(maps.Keys(m.live))
	got, err := ix.KNNQuery(query, len(mine)+1, &hnswlib.Query{Filter: hnswlib.Allow(mine), Ef: 1000})
	if errors.Is(err, hnswlib.ErrEmpty) && len(mine) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if found := slices.Sorted(slices.Values(labelsOf(got[0]))); !slices.Equal(found, mine) {
		return fmt.Errorf("KNNQuery found %d of its own labels, want %d", len(found), len(mine))
	}
	for _, n := range got[0] {
		if d := vec.L2(query, m.live[n.Label]); math.Abs(d-float64(n.Distance)) > 1e-4*(1+d) {
			return fmt.Errorf("KNNQuery: label %d at %v, want %v", n.Label, n.Distance, d)
		}
	}
	return nil
}
