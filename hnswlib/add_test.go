package hnswlib_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

func TestBadAddsAddNothing(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, tt := range []struct {
		name   string
		space  hnswlib.Space
		vecs   []float32
		labels []uint64
		want   error
		says   string
	}{
		{"a float too many", hnswlib.L2, []float32{1, 2, 3}, []uint64{5}, hnswlib.ErrDimension, "3 floats"},
		{"a label too many", hnswlib.L2, []float32{1, 2}, []uint64{5, 6}, hnswlib.ErrDimension, "want 4"},
		{"no labels", hnswlib.L2, []float32{1, 2}, nil, hnswlib.ErrDimension, "0 labels"},
		{"NaN at the end", hnswlib.L2, []float32{1, 2, 3, nan}, []uint64{5, 6}, hnswlib.ErrNotFinite, "vector 1: component 1"},
		{"infinity", hnswlib.Cosine, []float32{1, 2, inf, 4}, []uint64{5, 6}, hnswlib.ErrNotFinite, "vector 1: component 0"},
		{"lengths that overflow", hnswlib.InnerProduct, []float32{1, 2, 3e38, 1}, []uint64{5, 6}, hnswlib.ErrNotFinite, "vector 1"},
		{"a zero vector in cosine", hnswlib.Cosine, []float32{1, 2, 0, 0}, []uint64{5, 6}, hnswlib.ErrZeroVector, "vector 1"},
		{"a label twice", hnswlib.L2, []float32{1, 2, 3, 4, 5, 6}, []uint64{5, 6, 5}, hnswlib.ErrDuplicateLabel, "label 5 is at 0 and again at 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ix := newIndex(t, tt.space, 2, nil)
			mustAdd(t, ix, [][]float32{{7, 7}}, []uint64{1})
			err := ix.Add(tt.vecs, tt.labels)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Add: %v, want %v saying %q", err, tt.want, tt.says)
			}
			if got, want := ix.Labels(), []uint64{1}; !slices.Equal(got, want) {
				t.Errorf("Labels() = %v after the failed Add, want %v", got, want)
			}
		})
	}
}

func TestIndexGrows(t *testing.T) {
	const n, dim = 3000, 8
	rows := clustered(newRand(21), n, dim)
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{MaxElements: 3})
	for i := 0; i < n; i += 100 {
		mustAdd(t, ix, rows[i:i+100], sequence(uint64(i), 100))
		if ix.MaxElements() < ix.Len() {
			t.Fatalf("MaxElements() = %d < Len() = %d", ix.MaxElements(), ix.Len())
		}
	}
	if diff := cmp.Diff(sequence(0, n), ix.Labels()); diff != "" {
		t.Errorf("Labels (-want +got):\n%s", diff)
	}
	for i := 0; i < n; i += 97 {
		if got := mustQuery(t, ix, rows[i], 1, &hnswlib.Query{Ef: 100}); got[0].Label != uint64(i) {
			t.Errorf("nearest to vector %d is %v", i, got)
		}
	}
}

func TestFixedCapacity(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, &hnswlib.Config{MaxElements: 3, FixedCapacity: true})
	mustAdd(t, ix, [][]float32{{1}, {2}}, []uint64{1, 2})

	err := ix.Add([]float32{3, 4}, []uint64{3, 4})
	if !errors.Is(err, hnswlib.ErrFull) || !strings.Contains(err.Error(), "2 labels and 2 new ones are over the fixed capacity 3") {
		t.Errorf("Add beyond the capacity: %v, want %v with the numbers", err, hnswlib.ErrFull)
	}
	if got := ix.Len(); got != 2 {
		t.Errorf("Len() = %d after the failed Add, want 2", got)
	}

	mustAdd(t, ix, [][]float32{{3}}, []uint64{3})
	for i := range 2000 { // replacing takes no capacity, however often
		mustAdd(t, ix, [][]float32{{float32(i)}, {float32(-i)}}, []uint64{1, 2})
	}
	if err := ix.MarkDeleted([]uint64{3}); err != nil {
		t.Fatal(err)
	}
	if err := ix.Add([]float32{4}, []uint64{4}); !errors.Is(err, hnswlib.ErrFull) {
		t.Errorf("Add beside a deleted label, which keeps its place: %v, want %v", err, hnswlib.ErrFull)
	}
	mustAdd(t, ix, [][]float32{{5}}, []uint64{3})
	if got, want := ix.MaxElements(), 3; got != want {
		t.Errorf("MaxElements() = %d, want %d", got, want)
	}
	if err := ix.Resize(4); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, ix, [][]float32{{4}}, []uint64{4})
}

func TestResize(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 2, nil)
	for _, n := range []int{1, 1000, 1} {
		if err := ix.Resize(n); err != nil || ix.MaxElements() != n {
			t.Errorf("Resize(%d) of an empty index = %v, MaxElements() = %d", n, err, ix.MaxElements())
		}
	}
	mustAdd(t, ix, clustered(newRand(22), 100, 2), sequence(0, 100))
	if err := ix.MarkDeleted(sequence(0, 50)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{-1, 0, 99, math.MaxInt} {
		if err := ix.Resize(n); !errors.Is(err, hnswlib.ErrConfig) {
			t.Errorf("Resize(%d) of 100 labels: %v, want %v", n, err, hnswlib.ErrConfig)
		}
	}
	if err := ix.Resize(100); err != nil || ix.MaxElements() != 100 || ix.Len() != 50 {
		t.Errorf("Resize(100) = %v, MaxElements() = %d, Len() = %d", err, ix.MaxElements(), ix.Len())
	}
}

func TestSameCallsAndSeedBuildTheSameGraph(t *testing.T) {
	rows := clustered(newRand(23), 500, 8)
	var files [3]strings.Builder
	for i, seed := range []uint64{0, 100, 101} { // zero is 100
		ix := newIndex(t, hnswlib.L2, 8, &hnswlib.Config{RandomSeed: seed, Threads: 1})
		mustAdd(t, ix, rows, sequence(0, len(rows)))
		if _, err := ix.WriteTo(&files[i]); err != nil {
			t.Fatal(err)
		}
	}
	if files[0].String() != files[1].String() {
		t.Error("two indexes of one seed differ")
	}
	if files[0].String() == files[2].String() {
		t.Error("two indexes of different seeds are the same")
	}
}

// Upstream's update of an element and its reuse of deleted ones both lose
// elements (hnswalg.h L967-1071).
func TestHazard_ReplacedVectorsAreFoundWhereTheyAreNow(t *testing.T) {
	const n, dim, rounds, seed = 400, 16, 6, 24
	r := newRand(seed)
	ix := newIndex(t, hnswlib.L2, dim, nil)
	rows := clustered(r, n, dim)
	mustAdd(t, ix, rows, sequence(0, n))
	for range rounds {
		fresh := clustered(r, n, dim)
		for i := range rows {
			if r.IntN(3) > 0 {
				rows[i] = fresh[i]
			}
		}
		mustAdd(t, ix, rows, sequence(0, n)) // a third unchanged
		if ix.Len() != n || ix.DeletedLen() != 0 {
			t.Fatalf("seed %d: Len, DeletedLen = %d, %d after replacing, want %d, 0", seed, ix.Len(), ix.DeletedLen(), n)
		}
		found := 0
		for i, row := range rows {
			got := mustQuery(t, ix, row, 10, &hnswlib.Query{Ef: 50})
			checkRow(t, got, rows, row, vec.L2)
			if got[0].Label == uint64(i) {
				found++
			}
		}
		if found < n*99/100 {
			t.Errorf("seed %d: %d of %d vectors find themselves", seed, found, n)
		}
	}
	if got, want := ix.FileSize(), int64(4*n*(4+2*16*4+dim*4+8)); got > want {
		t.Errorf("FileSize() = %d after replacing everything %d times, want leftovers to be bounded by %d", got, rounds, want)
	}
	items, err := ix.Items(sequence(0, n))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, items); diff != "" {
		t.Errorf("Items (-want +got):\n%s", diff)
	}
}

func TestRebuildKeepsDeletedLabelsRevivable(t *testing.T) {
	const n, dim = 300, 4
	r := newRand(25)
	rows := clustered(r, n, dim)
	ix := newIndex(t, hnswlib.L2, dim, nil)
	mustAdd(t, ix, rows, sequence(0, n))
	if err := ix.MarkDeleted([]uint64{0}); err != nil {
		t.Fatal(err)
	}
	before := ix.FileSize()
	for range 20 {
		mustAdd(t, ix, clustered(r, n-1, dim), sequence(1, n-1))
	}
	if after := ix.FileSize(); after > 4*before {
		t.Errorf("FileSize() went from %d to %d, want a rebuild to bound it", before, after)
	}
	if err := ix.UnmarkDeleted([]uint64{0}); err != nil {
		t.Fatal(err)
	}
	if got := mustQuery(t, ix, rows[0], 1, nil); got[0] != (hnswlib.Neighbor{Label: 0}) {
		t.Errorf("nearest to the revived vector = %v, want itself", got)
	}
}

func TestCompactForgetsTheDeleted(t *testing.T) {
	const n, dim = 500, 8
	rows := clustered(newRand(26), n, dim)
	ix := newIndex(t, hnswlib.Cosine, dim, nil)
	mustAdd(t, ix, rows, sequence(0, n))
	if err := ix.MarkDeleted(sequence(0, 400)); err != nil {
		t.Fatal(err)
	}
	before, err := ix.Items(sequence(400, 100))
	if err != nil {
		t.Fatal(err)
	}
	if err := ix.Compact(); err != nil {
		t.Fatalf("Compact: %v", err)
	}
	if ix.Len() != 100 || ix.DeletedLen() != 0 {
		t.Errorf("Len, DeletedLen = %d, %d, want 100, 0", ix.Len(), ix.DeletedLen())
	}
	if err := ix.UnmarkDeleted([]uint64{0}); !errors.Is(err, hnswlib.ErrNotFound) {
		t.Errorf("UnmarkDeleted of a forgotten label: %v, want %v", err, hnswlib.ErrNotFound)
	}
	after, err := ix.Items(sequence(400, 100))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("vectors before and after (-want +got):\n%s", diff)
	}
	mustAdd(t, ix, rows[:400], sequence(0, 400))
	if err := ix.MarkDeleted(sequence(0, n)); err != nil {
		t.Fatal(err)
	}
	if err := ix.Compact(); err != nil || ix.Len()+ix.DeletedLen() != 0 {
		t.Errorf("Compact of nothing live = %v, %d labels left", err, ix.Len()+ix.DeletedLen())
	}
	mustAdd(t, ix, rows, sequence(0, n))
}
