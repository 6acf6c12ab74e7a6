package hnswlib_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
)

// textLike is a mixture: topics of very different size, words of each, and some
// vectors that belong nowhere.
func textLike(r *rand.Rand, n, dim int) [][]float32 {
	topics := clustered(r, 30, dim)
	rows := make([][]float32, n)
	for i := range rows {
		spread := 0.2 + 0.6*r.Float64()
		rows[i] = gaussian(r, dim, spread)
		if r.IntN(20) == 0 {
			continue
		}
		for j, c := range topics[int(float64(len(topics))*math.Pow(r.Float64(), 3))] {
			rows[i][j] += c
		}
	}
	return rows
}

func TestARecallIsWhatItSays(t *testing.T) {
	const n, dim, queries, seed = 2000, 32, 600, 121
	lengths := func(r *rand.Rand, n, dim int) [][]float32 {
		rows := textLike(r, n, dim)
		for _, row := range rows {
			by := float32(0.5 + 1.5*r.Float64())
			for j := range row {
				row[j] *= by
			}
		}
		return rows
	}
	run := 0
	for _, tt := range []struct {
		name   string
		rows   func(r *rand.Rand, n, dim int) [][]float32
		spaces []hnswlib.Space
	}{
		{"clustered", clustered, spaces},
		{"uniform", shapes["uniform"], spaces},
		{"text-like", textLike, spaces},
		{"text-like of many lengths", lengths, []hnswlib.Space{hnswlib.InnerProduct}},
	} {
		for _, space := range tt.spaces {
			q := quantizations[(run+run/3)%3]
			if run++; testing.Short() && run%4 != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v/%v", tt.name, space, q), func(t *testing.T) {
				t.Parallel()
				rows := tt.rows(newRand(seed), n+queries, dim)
				rows, asked := rows[:n], rows[n:]
				ix := newIndex(t, space, dim, &hnswlib.Config{Quantization: q, M: 12, EfConstruction: 80, Threads: 1})
				mustAdd(t, ix, rows, sequence(0, n))
				for _, k := range []int{1, 10, 50} {
					truth := exact(t, ix, asked, k, nil)
					// No walk finds more than what links lead to: of inner products, often not all.
					best := recall(t, ix, asked, truth, &hnswlib.Query{Ef: 1024}) - 0.01
					for _, target := range []float64{0.9, 0.95, 0.99} {
						got := recall(t, ix, asked, truth, &hnswlib.Query{Recall: target})
						t.Logf("seed %d, k %d: recall %.4f of %v, at most %.4f", seed, k, got, target, best)
						want := min(target, best) - 0.02
						if q == hnswlib.Int4 && space == hnswlib.Cosine {
							want -= 0.04 // estimates of what is near are off by more than a slack makes good
						}
						if got < want {
							t.Errorf("seed %d, k %d: recall %.4f of %v, want %.4f", seed, k, got, target, want)
						}
					}
				}
			})
		}
	}
}

// Points between clusters that are far apart find no end: a recall is not to be bought at their price.
func TestARecallIsNotMeasuredBetweenClusters(t *testing.T) {
	const clusters, n, dim, seed = 40, 8000, 128, 127
	r := newRand(seed)
	centres := make([][]float32, clusters)
	for i := range centres {
		centres[i] = gaussian(r, dim, 1)
	}
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = gaussian(r, dim, 0.6)
		for j, c := range centres[i%clusters] {
			rows[i][j] += c
		}
	}
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Threads: 1})
	mustAdd(t, ix, rows, sequence(0, n))
	c, err := ix.Calibrate(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	// By the points between it would be 0.23.
	if slack := c.Slack(0.95); slack > 0.12 {
		t.Errorf("seed %d: a recall of 0.95 takes a slack of %v, want what vectors of a cluster need: %v for %v", seed, slack, c.Recalls, c.Slacks)
	}
}

func TestRecallsThatAreRefused(t *testing.T) {
	const n, dim = 300, 4
	ix := newIndex(t, hnswlib.L2, dim, nil)
	rows := clustered(newRand(122), n, dim)
	mustAdd(t, ix, rows, sequence(0, n))
	for name, opt := range map[string]hnswlib.Query{
		"negative":      {Recall: -0.1},
		"one":           {Recall: 1},
		"over one":      {Recall: 1.5},
		"NaN":           {Recall: math.NaN()},
		"infinite":      {Recall: math.Inf(1)},
		"with an ef":    {Recall: 0.9, Ef: 10},
		"from upstream": {Recall: 0.9, Engine: hnswlib.Upstream},
	} {
		_, err := ix.KNNQuery(rows[0], 1, &opt)
		into := ix.KNNQueryInto(rows[0], 1, make([]hnswlib.Neighbor, 1), make([]uint32, 1), &opt)
		_, documents := ix.KNNQueryDocuments(rows[0], 1, func(l uint64) uint64 { return l }, &opt)
		for call, err := range map[string]error{"KNNQuery": err, "KNNQueryInto": into, "KNNQueryDocuments": documents} {
			if !errors.Is(err, hnswlib.ErrConfig) {
				t.Errorf("%s with a recall that is %s: %v, want %v", call, name, err, hnswlib.ErrConfig)
			}
		}
	}
}

func TestCalibrateOfWhatCannotBeMeasured(t *testing.T) {
	ctx := t.Context()
	ix := newIndex(t, hnswlib.L2, 2, nil)
	wants := func(what string, ctx context.Context, k int, want error) {
		t.Helper()
		if c, err := ix.Calibrate(ctx, k); !errors.Is(err, want) || c != nil {
			t.Errorf("Calibrate of %s = %v, %v, want %v", what, c, err, want)
		}
	}
	wants("an empty index", ctx, 1, hnswlib.ErrConfig)
	if _, err := ix.KNNQuery([]float32{1, 2}, 1, &hnswlib.Query{Recall: 0.9}); !errors.Is(err, hnswlib.ErrEmpty) {
		t.Errorf("KNNQuery of an empty index: %v, want %v", err, hnswlib.ErrEmpty)
	}
	mustAdd(t, ix, [][]float32{{1, 2}}, sequence(0, 1))
	wants("one element", ctx, 1, hnswlib.ErrConfig)
	if got := mustQuery(t, ix, []float32{1, 2}, 3, &hnswlib.Query{Recall: 0.9}); len(got) != 1 {
		t.Errorf("KNNQuery of one element = %v", got)
	}
	mustAdd(t, ix, clustered(newRand(123), 99, 2), sequence(1, 99))
	wants("k 0", ctx, 0, hnswlib.ErrConfig)
	wants("k -1", ctx, -1, hnswlib.ErrConfig)
	done, cancel := context.WithCancel(ctx)
	cancel()
	wants("a context that is done", done, 1, context.Canceled)
	if err := ix.MarkDeleted(sequence(0, 99)); err != nil {
		t.Fatal(err)
	}
	wants("one element that is left", ctx, 1, hnswlib.ErrConfig)
	ix.Close()
	wants("a closed index", ctx, 1, hnswlib.ErrClosed)
	if _, err := ix.KNNQuery([]float32{1, 2}, 1, &hnswlib.Query{Recall: 0.9}); !errors.Is(err, hnswlib.ErrClosed) {
		t.Errorf("KNNQuery of a closed index: %v, want %v", err, hnswlib.ErrClosed)
	}
	var zero hnswlib.Index
	if _, err := zero.Calibrate(ctx, 1); !errors.Is(err, hnswlib.ErrClosed) {
		t.Errorf("Calibrate of the zero value: %v, want %v", err, hnswlib.ErrClosed)
	}
}

// Of a handful of elements too, and for more neighbours than there are.
func TestCalibrateOfFewElements(t *testing.T) {
	for _, q := range quantizations {
		for n := 2; n < 300; n = n*2 - 1 {
			ix := newIndex(t, hnswlib.L2, 20, &hnswlib.Config{Quantization: q})
			mustAdd(t, ix, clustered(newRand(124), n, 20), sequence(0, n))
			for _, k := range []int{1, 5, n, 1000} {
				c, err := ix.Calibrate(t.Context(), k)
				if err != nil {
					// All elements may have risen above level 0, where no sample is taken.
					if !errors.Is(err, hnswlib.ErrConfig) || n > 3 {
						t.Errorf("%v, %d elements: Calibrate(k %d): %v", q, n, k, err)
					}
					continue
				}
				if c.K < k || c.Elements != n || c.Samples < 1 || len(c.Slacks) != len(c.Recalls) {
					t.Errorf("%v, %d elements: Calibrate(k %d) = %+v", q, n, k, c)
				}
				if !slices.IsSorted(c.Slacks) || !slices.IsSorted(c.Recalls) || c.Recalls[0] < 0 || c.Recalls[len(c.Recalls)-1] > 1 {
					t.Errorf("%v, %d elements: slacks %v, recalls %v", q, n, c.Slacks, c.Recalls)
				}
				if last := c.Recalls[len(c.Recalls)-1]; last < 0.95 {
					t.Errorf("%v, %d elements: the best recall of %d is %.4f, want 0.95", q, n, k, last)
				}
			}
		}
	}
}

func TestSlackFollowsTheMeasurement(t *testing.T) {
	c := hnswlib.Calibration{Slacks: []float32{0.1, 0.2, 0.4, 0.8, 1}, Recalls: []float64{0.5, 0.7, 0.9, 0.95, 0.95}}
	for _, tt := range []struct {
		recall    float64
		low, high float32
	}{{0.1, 0.1, 0.1}, {0.5, 0.1, 0.1}, {0.6, 0.1, 0.2}, {0.7, 0.2, 0.2}, {0.89, 0.2, 0.4}, {0.95, 0.8, 0.8}, {0.99, 0.8, 0.8}} {
		if got := c.Slack(tt.recall); got < tt.low*0.9999 || got > tt.high*1.0001 {
			t.Errorf("Slack(%v) = %v, want %v to %v", tt.recall, got, tt.low, tt.high)
		}
	}
}

// An index that has grown by half is measured again, by the query that needs it.
func TestAGrowingIndexIsMeasuredAgain(t *testing.T) {
	const n, dim, k, seed = 1500, 32, 10, 125
	rows := clustered(newRand(seed), 4*n+200, dim)
	rows, asked := rows[:4*n], rows[4*n:]
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{M: 12, EfConstruction: 60, Threads: 2})
	for size := n; size <= 4*n; size *= 2 {
		have := ix.Len()
		mustAdd(t, ix, rows[have:size], sequence(uint64(have), size-have))
		got := recall(t, ix, asked, exact(t, ix, asked, k, nil), &hnswlib.Query{Recall: 0.95})
		t.Logf("seed %d, %d elements: recall %.4f", seed, size, got)
		if got < 0.93 {
			t.Errorf("seed %d, %d elements: recall %.4f, want 0.95 or nearly", seed, size, got)
		}
		c, err := ix.Calibrate(t.Context(), k)
		if err != nil || c.Elements != size {
			t.Fatalf("Calibrate = %+v, %v, want %d elements", c, err, size)
		}
	}
}

// Queries for a recall beside adds, deletions and compaction, for -race to watch.
func TestRecallsBesideChanges(t *testing.T) {
	const n, dim, seed = 1500, 16, 126
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{M: 6, EfConstruction: 30})
	rows := clustered(newRand(seed), 2*n, dim)
	mustAdd(t, ix, rows[:n], sequence(0, n))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			r := newRand(seed + uint64(w))
			for ctx.Err() == nil {
				k := 1 + r.IntN(3)
				got, err := ix.KNNQuery(rows[r.IntN(len(rows))], k, &hnswlib.Query{Recall: 0.9})
				if err != nil || len(got[0]) != k {
					t.Errorf("seed %d: KNNQuery = %v, %v", seed, got, err)
				}
				if _, err := ix.Calibrate(ctx, k); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("seed %d: Calibrate: %v", seed, err)
				}
			}
		})
	}
	for i := n; i < 2*n; i += 150 {
		mustAdd(t, ix, rows[i:i+150], sequence(uint64(i), 150))
		if err := ix.MarkDeleted(sequence(uint64(i-n), 20)); err != nil {
			t.Error(err)
		}
		if err := ix.Compact(); err != nil { // takes the last slots away from those that measure with them
			t.Error(err)
		}
	}
	cancel()
	wg.Wait()
}
