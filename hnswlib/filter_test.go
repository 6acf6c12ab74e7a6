package hnswlib_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

// filters are sets over labels 0 to n-1, sparse and dense, as filter and as rule.
func filters(n int) map[string]struct {
	filter *hnswlib.Filter
	in     func(label uint64) bool
} {
	type set = struct {
		filter *hnswlib.Filter
		in     func(label uint64) bool
	}
	even := func(l uint64) bool { return l%2 == 0 }
	few := func(l uint64) bool { return l%97 == 5 }
	pick := func(in func(uint64) bool, more ...uint64) []uint64 {
		yes, _ := partition(sequence(0, n), in)
		return append(yes, more...)
	}
	return map[string]set{
		"allow half":               {hnswlib.Allow(pick(even)), even},
		"deny half":                {hnswlib.Deny(pick(even)), func(l uint64) bool { return !even(l) }},
		"allow few":                {hnswlib.Allow(pick(few)), few},
		"deny few":                 {hnswlib.Deny(pick(few)), func(l uint64) bool { return !few(l) }},
		"allow with strangers":     {hnswlib.Allow(pick(even, math.MaxUint64, 1<<40)), even},
		"deny with strangers":      {hnswlib.Deny(pick(few, math.MaxUint64, 1<<40)), func(l uint64) bool { return !few(l) }},
		"allow one":                {hnswlib.Allow([]uint64{7}), func(l uint64) bool { return l == 7 }},
		"allow one, said often":    {hnswlib.Allow(slices.Repeat([]uint64{7}, 3*n)), func(l uint64) bool { return l == 7 }},
		"allow none":               {hnswlib.Allow(nil), func(uint64) bool { return false }},
		"allow strangers":          {hnswlib.Allow([]uint64{1 << 50, 1 << 60}), func(uint64) bool { return false }},
		"deny none":                {hnswlib.Deny(nil), func(uint64) bool { return true }},
		"deny all":                 {hnswlib.Deny(sequence(0, n)), func(uint64) bool { return false }},
		"allow more than there is": {hnswlib.Allow(spread(0, 3*n)), func(l uint64) bool { return l%1000 == 0 }},
		"a function":               {hnswlib.FilterFunc(sequence(0, n), few), few},
	}
}

// spread returns n labels with gaps of 1000.
func spread(first uint64, n int) []uint64 {
	labels := make([]uint64, n)
	for i := range labels {
		labels[i] = first + 1000*uint64(i)
	}
	return labels
}

func TestFilteredAnswersAreNeverShortAndHoldNothingElse(t *testing.T) {
	const n, dim, seed = 3000, 12, 71
	rows := clustered(newRand(seed), n, dim)
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{M: 6, EfConstruction: 40})
	mustAdd(t, ix, rows, sequence(0, n))
	mustAdd(t, ix, rows[:100], sequence(0, 100))
	dead := func(l uint64) bool { return l%10 == 3 }
	_, gone := partition(sequence(0, n), func(l uint64) bool { return !dead(l) })
	if err := ix.MarkDeleted(gone); err != nil {
		t.Fatal(err)
	}
	for name, f := range filters(n) {
		t.Run(name, func(t *testing.T) {
			var in []uint64
			var inRows [][]float32
			for l, row := range rows {
				if l := uint64(l); f.in(l) && !dead(l) {
					in, inRows = append(in, l), append(inRows, row)
				}
			}
			found, all := 0, 0
			for _, q := range rows[:40] {
				for _, k := range []int{1, 10, 100, n} {
					got := mustQuery(t, ix, q, k, &hnswlib.Query{Ef: 50, Filter: f.filter})
					if len(got) != min(k, len(in)) {
						t.Fatalf("seed %d: KNNQuery(k %d) = %d answers, want min(k, %d)", seed, k, len(got), len(in))
					}
					for _, n := range got {
						if !f.in(n.Label) || dead(n.Label) {
							t.Fatalf("seed %d: label %d is in the answer", seed, n.Label)
						}
					}
					for _, hit := range vec.Nearest(vec.L2, inRows, q, min(k, 10)) {
						all++
						if slices.Contains(labelsOf(got), in[hit.Row]) {
							found++
						}
					}
				}
			}
			if recall := float64(found) / float64(max(all, 1)); recall < 0.97 && all > 0 {
				t.Errorf("seed %d: recall %.3f, want 0.97", seed, recall)
			}
		})
	}
}

func TestFilterSeesEveryChange(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	deny, allow := hnswlib.Deny([]uint64{2}), hnswlib.Allow([]uint64{1, 3, 1 << 40})
	check := func(what string, err error, denied, allowed []uint64) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for f, want := range map[*hnswlib.Filter][]uint64{deny: denied, allow: allowed} {
			got := labelsOf(queryAny(t, ix, []float32{0}, 10, &hnswlib.Query{Filter: f}))
			if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
				t.Errorf("after %s (-want +got):\n%s", what, diff)
			}
		}
	}
	check("nothing", nil, nil, nil)
	check("adding three", ix.Add([]float32{1, 2, 3}, []uint64{1, 2, 3}), []uint64{1, 3}, []uint64{1, 3})
	check("adding another", ix.Add([]float32{4}, []uint64{4}), []uint64{1, 3, 4}, []uint64{1, 3})
	check("deleting", ix.MarkDeleted([]uint64{1}), []uint64{3, 4}, []uint64{3})
	check("replacing", ix.Add([]float32{9}, []uint64{3}), []uint64{4, 3}, []uint64{3})
	check("compacting", ix.Compact(), []uint64{4, 3}, []uint64{3})
	check("adding what was allowed all along", ix.Add([]float32{5}, []uint64{1 << 40}), []uint64{4, 1 << 40, 3}, []uint64{1 << 40, 3})

	// And the same filter on another index.
	other := newIndex(t, hnswlib.L2, 1, nil)
	mustAdd(t, other, [][]float32{{1}}, []uint64{3})
	if got := mustQuery(t, other, []float32{0}, 10, &hnswlib.Query{Filter: allow}); len(got) != 1 || got[0].Label != 3 {
		t.Errorf("KNNQuery of another index = %v, want label 3", got)
	}
}

func TestGoroutinesShareAFilterDuringChanges(t *testing.T) {
	const n, dim = 400, 4
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{M: 4, EfConstruction: 20})
	rows := clustered(newRand(72), n, dim)
	f := hnswlib.Deny(spread(0, n))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; i < n; i += 20 {
			mustAdd(t, ix, rows[i:i+20], sequence(uint64(i), 20))
		}
	})
	for range 3 {
		wg.Go(func() {
			for _, q := range rows[:100] {
				for _, hit := range queryAny(t, ix, q, 5, &hnswlib.Query{Filter: f}) {
					if hit.Label%1000 == 0 {
						t.Errorf("label %d is in the answer", hit.Label)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestFilterOfAClosedIndex(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	ix.Close()
	if _, err := ix.KNNQuery([]float32{1}, 1, &hnswlib.Query{Filter: hnswlib.Allow(nil)}); !errors.Is(err, hnswlib.ErrClosed) {
		t.Errorf("KNNQuery: %v, want %v", err, hnswlib.ErrClosed)
	}
}

func ExampleFilter() {
	ix, err := hnswlib.New(hnswlib.L2, 1, nil)
	if err != nil {
		panic(err)
	}
	defer ix.Close()
	if err := ix.Add([]float32{1, 2, 3, 4}, []uint64{1, 2, 3, 4}); err != nil {
		panic(err)
	}
	for _, f := range []*hnswlib.Filter{
		hnswlib.Allow([]uint64{3, 4}),
		hnswlib.Deny([]uint64{1}),
		hnswlib.FilterFunc(ix.Labels(), func(label uint64) bool { return label%2 == 1 }),
	} {
		rows, err := ix.KNNQuery([]float32{0}, 10, &hnswlib.Query{Filter: f})
		fmt.Println(rows, err)
	}
	// Output:
	// [[{3 9} {4 16}]] <nil>
	// [[{2 4} {3 9} {4 16}]] <nil>
	// [[{1 1} {3 9}]] <nil>
}
