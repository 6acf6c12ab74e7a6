package hnswlib_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
)

// inBatches returns the file of an index to which rows were added, as many at a
// time as r says, while disturb runs.
func inBatches(t testing.TB, r *rand.Rand, rows [][]float32, space hnswlib.Space, cfg hnswlib.Config, disturb func(*hnswlib.Index)) []byte {
	t.Helper()
	ix := newIndex(t, space, len(rows[0]), &cfg)
	if disturb != nil {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(stop)
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					disturb(ix)
				}
			}
		})
	}
	for i := 0; i < len(rows); {
		n := len(rows)
		if r != nil {
			n = 1 + r.IntN(400)
		}
		n = min(n, len(rows)-i)
		mustAdd(t, ix, rows[i:i+n], sequence(uint64(i), n))
		i += n
	}
	if err := ix.Resize(2 * len(rows)); err != nil { // the file says how much room there is
		t.Fatal(err)
	}
	return saved(t, ix)
}

// One thread of ours builds upstream's very graph: the file is the same to the byte.
func TestOwnBuilderBuildsUpstreamsGraph(t *testing.T) {
	const n, seed = 1300, 111
	for i, dim := range []int{1, 2, 7, 32, 65, 128} {
		for s, space := range spaces {
			if dim <= 2 && space == hnswlib.Cosine {
				continue // many at one distance, where the two may differ
			}
			cfg := hnswlib.Config{
				M: []int{2, 5, 16}[(i+s)%3], EfConstruction: []int{3, 40, 120}[(i+s/2)%3], RandomSeed: uint64(1 + i),
				Quantization: hnswlib.None, Threads: 1,
			}
			t.Run(fmt.Sprintf("%v/%d/M%d/ef%d", space, dim, cfg.M, cfg.EfConstruction), func(t *testing.T) {
				t.Parallel()
				rows := clustered(newRand(seed), n, dim)
				theirs := cfg
				theirs.Engine = hnswlib.Upstream
				want := inBatches(t, nil, rows, space, theirs, nil)
				if got := inBatches(t, newRand(seed), rows, space, cfg, nil); !bytes.Equal(got, want) {
					t.Errorf("seed %d: the file is another than upstream's", seed)
				}
			})
		}
	}
}

// On one thread the graph depends on the vectors and their order alone: not on
// how many come at a time, nor on who waits meanwhile and ends slices early.
func TestOneThreadBuildsOneGraphOfCodes(t *testing.T) {
	const n, dim, seed = 2600, 40, 112
	for i, q := range []hnswlib.Quantization{hnswlib.Int8, hnswlib.Int4} {
		for _, space := range []hnswlib.Space{spaces[i], spaces[i+1]} {
			t.Run(fmt.Sprintf("%v/%v", q, space), func(t *testing.T) {
				t.Parallel()
				rows := clustered(newRand(seed), n, dim)
				cfg := hnswlib.Config{M: 8, EfConstruction: 50, Quantization: q, Threads: 1}
				want := inBatches(t, nil, rows, space, cfg, nil)
				if !bytes.Equal(inBatches(t, newRand(seed), rows, space, cfg, nil), want) {
					t.Errorf("seed %d: in batches it is another graph", seed)
				}
				waiting := func(ix *hnswlib.Index) {
					if err := ix.SetEf(20); err != nil {
						t.Error(err)
					}
					queryAny(t, ix, rows[0], 1, nil)
				}
				if !bytes.Equal(inBatches(t, newRand(seed+1), rows, space, cfg, waiting), want) {
					t.Errorf("seed %d: with somebody waiting it is another graph", seed)
				}
			})
		}
	}
}

// Threads that link at the same time lose nothing: of small clusters an element
// could once be linked to by nobody, as it was met before its links were there.
func TestThreadsLeaveNoElementUnreachable(t *testing.T) {
	const clusters, each, dim, seed = 20, 20, 12, 113
	for _, q := range quantizations {
		for _, threads := range []int{2, 8} {
			builds := 12
			if testing.Short() {
				builds = 3
			}
			unreachable, missed, elements := 0, 0, 0
			for build := range uint64(builds) {
				r := newRand(seed + build)
				rows := make([][]float32, 0, clusters*each*4)
				for range clusters {
					centre := gaussian(r, dim, 1)
					for range each * 4 {
						row := gaussian(r, dim, 0.2)
						for j := range row {
							row[j] += centre[j]
						}
						rows = append(rows, row)
					}
				}
				r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
				ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Quantization: q, Threads: threads})
				mustAdd(t, ix, rows, sequence(0, len(rows)))
				s, err := ix.Stats()
				if err != nil {
					t.Fatal(err)
				}
				unreachable += s.Unreachable
				elements += len(rows)
				for _, row := range rows {
					if got := mustQuery(t, ix, row, 1, &hnswlib.Query{Ef: 40}); got[0].Distance != 0 {
						missed++
					}
				}
			}
			// Threads that link two neighbours at one moment may cut one off now and then: on a busy
			// machine, one in some thousand. The former order of links cut off one in 1,000 always.
			if unreachable > 1+elements/4000 || missed > 1+elements/1000 {
				t.Errorf("seed %d, %v, %d threads: of %d elements %d are unreachable, and %d do not find themselves",
					seed, q, threads, elements, unreachable, missed)
			}
		}
	}
}
