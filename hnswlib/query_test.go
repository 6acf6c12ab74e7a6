package hnswlib_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

func TestAnswersAgreeWithBruteForce(t *testing.T) {
	const n, dim, queries, k, seed = 2000, 32, 100, 10, 11
	r := newRand(seed)
	rows := clustered(r, n+queries, dim)
	rows, asked := rows[:n], rows[n:]
	for space, oracle := range oracles {
		ix := newIndex(t, space, dim, nil)
		mustAdd(t, ix, rows, sequence(0, n))
		for _, tt := range []struct {
			name      string
			ef        int
			minRecall float64
		}{
			{"recall is high at ef 100", 100, 0.95},
			{"recall is near one at ef 1000", 1000, 0.999},
			{"answers are exact at ef of all elements", n, 1},
		} {
			t.Run(fmt.Sprintf("%v/%s", space, tt.name), func(t *testing.T) {
				got, err := ix.KNNQuery(flatten(asked), k, &hnswlib.Query{Ef: tt.ef})
				if err != nil {
					t.Fatalf("KNNQuery: %v", err)
				}
				found := 0
				for i, row := range got {
					want := vec.Nearest(oracle, rows, asked[i], k)
					checkRow(t, row, rows, asked[i], oracle)
					for _, hit := range want {
						if slices.Contains(labelsOf(row), uint64(hit.Row)) {
							found++
						}
					}
				}
				if recall := float64(found) / (queries * k); recall < tt.minRecall {
					t.Errorf("seed %d: recall@%d = %.4f, want at least %v", seed, k, recall, tt.minRecall)
				}
			})
		}
	}
}

// checkRow wants each distance to be that of its label, ascending, no label twice.
func checkRow(t *testing.T, row []hnswlib.Neighbor, rows [][]float32, query []float32, oracle vec.Distance) {
	t.Helper()
	seen := map[uint64]bool{}
	for i, n := range row {
		want := oracle(query, rows[n.Label])
		// Sums of a few dozen float32 products of size 1 to 10.
		if diff := math.Abs(float64(n.Distance) - want); diff > 1e-5*(1+math.Abs(want)) {
			t.Errorf("distance to %d = %v, want %v", n.Label, n.Distance, want)
		}
		if seen[n.Label] {
			t.Errorf("label %d is in the answer twice", n.Label)
		}
		seen[n.Label] = true
		if i > 0 && n.Distance < row[i-1].Distance {
			t.Errorf("answer is not ascending: %v", row)
		}
	}
}

func TestEqualVectorsAreAllFoundInOrderOfLabel(t *testing.T) {
	// Exact duplicates fragment upstream's graph (hnswlib #341).
	const n = 500
	ix := newIndex(t, hnswlib.L2, 4, &hnswlib.Config{M: 4, EfConstruction: 10})
	labels := sequence(0, n)
	slices.Reverse(labels)
	mustAdd(t, ix, slices.Repeat([][]float32{{1, 2, 3, 4}}, n), labels)
	slices.Reverse(labels)
	for _, k := range []int{1, 3, n - 1, n, n + 1} {
		got := labelsOf(mustQuery(t, ix, []float32{1, 2, 3, 4}, k, nil))
		if len(got) != min(k, n) || !slices.IsSorted(got) {
			t.Errorf("KNNQuery(k %d) = %d labels, sorted %v, want %d, sorted", k, len(got), slices.IsSorted(got), min(k, n))
		}
	}
}

func TestAnswersAreNeverShort(t *testing.T) {
	const n, dim, seed = 1000, 8, 12
	rows := clustered(newRand(seed), n, dim)
	for _, tt := range []struct {
		name string
		keep func(label uint64) bool
	}{
		{"nothing deleted", func(uint64) bool { return true }},
		{"every other deleted", func(l uint64) bool { return l%2 == 0 }},
		{"all but thirty deleted", func(l uint64) bool { return l < 30 }},
		{"all but one deleted", func(l uint64) bool { return l == 700 }},
		{"all deleted", func(uint64) bool { return false }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Few links, so that the graph alone would not reach everything.
			ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{M: 2, EfConstruction: 2})
			mustAdd(t, ix, rows, sequence(0, n))
			live, dead := partition(sequence(0, n), tt.keep)
			if err := ix.MarkDeleted(dead); err != nil {
				t.Fatalf("MarkDeleted: %v", err)
			}
			for _, k := range []int{1, 10, 29, 31, n / 2, n, math.MaxInt} {
				for _, q := range rows[:20] {
					got := labelsOf(queryAny(t, ix, q, k, nil))
					if len(got) != min(k, len(live)) {
						t.Fatalf("seed %d: KNNQuery(k %d) returned %d, want min(k, %d live)", seed, k, len(got), len(live))
					}
					slices.Sort(got)
					if k >= len(live) {
						if diff := cmp.Diff(live, slices.Clip(got)); diff != "" && len(live) > 0 {
							t.Fatalf("seed %d: KNNQuery(k %d) (-want +got):\n%s", seed, k, diff)
						}
					}
				}
			}
		})
	}
}

func partition(labels []uint64, keep func(uint64) bool) (yes, no []uint64) {
	for _, l := range labels {
		if keep(l) {
			yes = append(yes, l)
		} else {
			no = append(no, l)
		}
	}
	return yes, no
}

// An index without a live element has no answer, whatever is asked; one whose
// elements do not pass the filter has an empty one.
func TestEmptyIndexIsAnErrorOfItsOwn(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 2, nil)
	ask := func() map[string]error {
		_, knn := ix.KNNQuery([]float32{1, 2, 3, 4}, 5, nil)
		into := ix.KNNQueryInto([]float32{1, 2}, 1, make([]hnswlib.Neighbor, 1), make([]uint32, 1), nil)
		_, within := ix.Within([]float32{1, 2}, 1, nil)
		_, documents := ix.KNNQueryDocuments([]float32{1, 2}, 1, func(l uint64) uint64 { return l }, nil)
		return map[string]error{"KNNQuery": knn, "KNNQueryInto": into, "Within": within, "KNNQueryDocuments": documents}
	}
	for name, err := range ask() {
		if !errors.Is(err, hnswlib.ErrEmpty) {
			t.Errorf("%s of a new index: %v, want %v", name, err, hnswlib.ErrEmpty)
		}
	}
	mustAdd(t, ix, [][]float32{{1, 2}}, []uint64{7})
	for name, err := range ask() {
		if err != nil {
			t.Errorf("%s among one: %v", name, err)
		}
	}
	if got := mustQuery(t, ix, []float32{1, 2}, 5, &hnswlib.Query{Filter: hnswlib.Deny([]uint64{7})}); len(got) != 0 {
		t.Errorf("KNNQuery with all of it denied = %v, want none", got)
	}
	if rows, err := ix.KNNQuery(nil, 5, nil); err != nil || len(rows) != 0 {
		t.Errorf("KNNQuery of nothing = %v, %v, want no rows", rows, err)
	}
	if err := ix.MarkDeleted([]uint64{7}); err != nil {
		t.Fatal(err)
	}
	for name, err := range ask() {
		if !errors.Is(err, hnswlib.ErrEmpty) {
			t.Errorf("%s with all of it deleted: %v, want %v", name, err, hnswlib.ErrEmpty)
		}
	}
}

func TestRowsDoNotShareRoomToAppend(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	mustAdd(t, ix, [][]float32{{1}, {2}}, []uint64{1, 2})
	rows, err := ix.KNNQuery([]float32{1, 2}, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(rows[0], hnswlib.Neighbor{Label: 99})
	if got, want := labelsOf(rows[1]), []uint64{2, 1}; !slices.Equal(got, want) {
		t.Errorf("second row = %v after an append to the first, want %v", got, want)
	}
}

func TestBatchAnswersAsSingleQueriesDo(t *testing.T) {
	const n, dim, seed = 500, 16, 13
	rows := clustered(newRand(seed), n, dim)
	ix := newIndex(t, hnswlib.Cosine, dim, nil)
	mustAdd(t, ix, rows, sequence(0, n))
	batch, err := ix.KNNQuery(flatten(rows), 5, nil) // several slices
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if diff := cmp.Diff(mustQuery(t, ix, row, 5, nil), batch[i]); diff != "" {
			t.Fatalf("query %d (-single +batch):\n%s", i, diff)
		}
	}
}

func TestBadQueries(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		name  string
		space hnswlib.Space
		query []float32
		k     int
		opt   *hnswlib.Query
		want  error
	}{
		{"k of zero", hnswlib.L2, []float32{1, 2}, 0, nil, hnswlib.ErrConfig},
		{"negative k", hnswlib.L2, []float32{1, 2}, -3, nil, hnswlib.ErrConfig},
		{"negative ef", hnswlib.L2, []float32{1, 2}, 1, &hnswlib.Query{Ef: -1}, hnswlib.ErrConfig},
		{"too long for the dimension", hnswlib.L2, []float32{1, 2, 3}, 1, nil, hnswlib.ErrDimension},
		{"NaN", hnswlib.L2, []float32{1, nan}, 1, nil, hnswlib.ErrNotFinite},
		{"infinite", hnswlib.InnerProduct, []float32{-inf, 1}, 1, nil, hnswlib.ErrNotFinite},
		{"finite, but its distances are not", hnswlib.L2, []float32{1e30, 1}, 1, nil, hnswlib.ErrNotFinite},
		{"zero in cosine", hnswlib.Cosine, []float32{0, 0}, 1, nil, hnswlib.ErrZeroVector},
		{"too short for a direction in cosine", hnswlib.Cosine, []float32{1e-30, 0}, 1, nil, hnswlib.ErrZeroVector},
		{"zero in l2 is fine", hnswlib.L2, []float32{0, 0}, 1, nil, nil},
		{"ef over all there is, is fine", hnswlib.L2, []float32{0, 0}, 1, &hnswlib.Query{Ef: math.MaxInt}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, n := range []int{1, 50} {
				ix := newIndex(t, tt.space, 2, nil)
				mustAdd(t, ix, slices.Repeat([][]float32{{1, 1}}, n), sequence(0, n))
				if _, err := ix.KNNQuery(tt.query, tt.k, tt.opt); !errors.Is(err, tt.want) {
					t.Errorf("KNNQuery among %d: %v, want %v", n, err, tt.want)
				}
			}
		})
	}
}
