package hnswlib_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
)

func TestDeletedLabels(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	mustAdd(t, ix, [][]float32{{10}, {20}, {30}}, []uint64{1, 2, math.MaxUint64})
	step := func(what string, err error, labels []uint64, deleted int) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := ix.Labels(); !slices.Equal(got, labels) || ix.Len() != len(labels) || ix.DeletedLen() != deleted {
			t.Fatalf("after %s: Labels %v, Len %d, DeletedLen %d, want %v and %d deleted",
				what, got, ix.Len(), ix.DeletedLen(), labels, deleted)
		}
		answer := labelsOf(mustQuery(t, ix, []float32{20}, 5, nil))
		slices.Sort(answer)
		if !slices.Equal(answer, labels) {
			t.Fatalf("after %s: KNNQuery finds %v, want %v", what, answer, labels)
		}
	}
	step("adding three", nil, []uint64{1, 2, math.MaxUint64}, 0)
	step("deleting one", ix.MarkDeleted([]uint64{2}), []uint64{1, math.MaxUint64}, 1)
	if ix.Has(2) || !ix.Has(1) || ix.Has(77) {
		t.Errorf("Has(2), Has(1), Has(77) = %v, %v, %v, want false, true, false", ix.Has(2), ix.Has(1), ix.Has(77))
	}
	step("undeleting it", ix.UnmarkDeleted([]uint64{2}), []uint64{1, 2, math.MaxUint64}, 0)
	step("undeleting a live one", ix.UnmarkDeleted([]uint64{2}), []uint64{1, 2, math.MaxUint64}, 0)
	step("deleting one twice in a batch", ix.MarkDeleted([]uint64{1, 1}), []uint64{2, math.MaxUint64}, 1)
	step("adding it anew", ix.Add([]float32{21}, []uint64{1}), []uint64{1, 2, math.MaxUint64}, 0)
	step("deleting it again", ix.MarkDeleted([]uint64{1}), []uint64{2, math.MaxUint64}, 1)
	step("adding the very same vector", ix.Add([]float32{21}, []uint64{1}), []uint64{1, 2, math.MaxUint64}, 0)
	got := mustQuery(t, ix, []float32{21}, 1, nil)
	if diff := cmp.Diff([]hnswlib.Neighbor{{Label: 1}}, got); diff != "" {
		t.Errorf("KNNQuery for the revived vector (-want +got):\n%s", diff)
	}
}

func TestUnknownAndDeletedLabelsAreToldApart(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	mustAdd(t, ix, [][]float32{{1}, {2}, {3}}, []uint64{1, 2, 3})
	if err := ix.MarkDeleted([]uint64{2}); err != nil {
		t.Fatal(err)
	}
	items := func(labels []uint64) error { _, err := ix.Items(labels); return err }
	for _, tt := range []struct {
		name   string
		call   func([]uint64) error
		labels []uint64
		want   error
	}{
		{"items of an unknown label", items, []uint64{1, 4}, hnswlib.ErrNotFound},
		{"items of a deleted label", items, []uint64{1, 2}, hnswlib.ErrDeleted},
		{"deleting an unknown label", ix.MarkDeleted, []uint64{1, 4}, hnswlib.ErrNotFound},
		{"deleting a deleted label", ix.MarkDeleted, []uint64{1, 2}, hnswlib.ErrDeleted},
		{"undeleting an unknown label", ix.UnmarkDeleted, []uint64{2, 4}, hnswlib.ErrNotFound},
		{"items of nothing", items, nil, nil},
		{"deleting nothing", ix.MarkDeleted, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(tt.labels); !errors.Is(err, tt.want) {
				t.Errorf("%v: %v, want %v", tt.labels, err, tt.want)
			}
			if got, want := ix.Labels(), []uint64{1, 3}; !slices.Equal(got, want) {
				t.Errorf("Labels() = %v afterwards, want %v", got, want)
			}
		})
	}
}

func TestCosineStoresUnitVectors(t *testing.T) {
	ix := newIndex(t, hnswlib.Cosine, 2, nil)
	mustAdd(t, ix, [][]float32{{3, 4}, {0, 1e-18}, {1e18, 0}}, []uint64{1, 2, 3})
	got, err := ix.Items([]uint64{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{0.6, 0.8}, {0, 1}, {1, 0}} {
		for j := range want {
			// One rounding of the scale and one of the product.
			if diff := math.Abs(float64(got[i][j] - want[j])); diff > 2e-7 {
				t.Errorf("Items = %v, component %d,%d off by %g", got, i, j, diff)
			}
		}
	}
}

// Upstream never links new elements to deleted ones (hnswalg.h L291), and takes
// back() of an empty vector (L524) if it finds no others.
func TestAddsAfterMassDeletionAreFound(t *testing.T) {
	const n, dim, seed = 600, 8, 31
	rows := clustered(newRand(seed), 2*n, dim)
	ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{M: 4})
	mustAdd(t, ix, rows[:n], sequence(0, n))
	if err := ix.MarkDeleted(sequence(0, n)); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, ix, rows[n:], sequence(n, n))
	found := 0
	for i, row := range rows[n:] {
		if mustQuery(t, ix, row, 1, &hnswlib.Query{Ef: 50})[0].Label == uint64(n+i) {
			found++
		}
	}
	if found < n*98/100 {
		t.Errorf("seed %d: %d of %d vectors find themselves", seed, found, n)
	}
}
