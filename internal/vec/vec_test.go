package vec_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/internal/vec"
)

func TestDistances(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    vec.Distance
		a, b []float32
		want float64
	}{
		{"l2 is squared", vec.L2, []float32{0, 0}, []float32{3, 4}, 25},
		{"l2 of a vector and itself is zero", vec.L2, []float32{1, 2}, []float32{1, 2}, 0},
		{"ip is one minus the dot product", vec.InnerProduct, []float32{1, 2}, []float32{3, 4}, -10},
		{"cosine of parallel vectors is zero", vec.Cosine, []float32{1, 1}, []float32{5, 5}, 0},
		{"cosine of perpendicular vectors is one", vec.Cosine, []float32{1, 0}, []float32{0, 7}, 1},
		{"cosine of opposite vectors is two", vec.Cosine, []float32{2, 0}, []float32{-3, 0}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Rounding of a square root and a division in float64.
			if got := tt.d(tt.a, tt.b); math.Abs(got-tt.want) > 1e-15 {
				t.Errorf("distance of %v and %v = %v, want %v", tt.a, tt.b, got, tt.want)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	rows := [][]float32{{5}, {1}, {3}, {-1}}
	for _, tt := range []struct {
		name string
		k    int
		want []vec.Hit
	}{
		{"ties go to the lower row", 2, []vec.Hit{{1, 1}, {3, 1}}},
		{"k over the number of rows gives all", 9, []vec.Hit{{1, 1}, {3, 1}, {2, 9}, {0, 25}}},
		{"k of zero gives none", 0, []vec.Hit{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := vec.Nearest(vec.L2, rows, []float32{0}, tt.k)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Nearest (-want +got):\n%s", diff)
			}
		})
	}
}
