package hnswlib_test

import (
	"math/rand/v2"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
)

// What comes later lies elsewhere: codes are learned anew, or it could not be told apart.
func TestCodesFollowADrift(t *testing.T) {
	const n, dim, k, seed, queries = 2000, 96, 10, 103, 100
	around := func(r *rand.Rand, centre float32, n int) [][]float32 {
		rows := generate(n, dim, func(int, int) float32 { return centre + float32(r.NormFloat64()) })
		return rows
	}
	for _, tt := range []struct {
		name         string
		first, later int
		step         float32 // of the centre, with each batch of 250
		jump         float32
		loss         map[hnswlib.Quantization]float64
	}{
		{"a jump of 10 deviations", n, n, 0, 10, map[hnswlib.Quantization]float64{hnswlib.Int8: 0.02, hnswlib.Int4: 0.1}},
		{"a slow drift", n, n, 0.5, 0, map[hnswlib.Quantization]float64{hnswlib.Int8: 0.02, hnswlib.Int4: 0.1}},
	} {
		var base float64
		for _, q := range quantizations {
			r := newRand(seed)
			ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Quantization: q, M: 12, EfConstruction: 80, Threads: 1})
			mustAdd(t, ix, around(r, 0, tt.first), sequence(0, tt.first))
			centre := tt.jump
			for i := 0; i < tt.later; i += 250 {
				centre += tt.step
				mustAdd(t, ix, around(r, centre, 250), sequence(uint64(tt.first+i), 250))
			}
			asked := around(r, centre, queries)
			got := recall(t, ix, asked, exact(t, ix, asked, k, nil), &hnswlib.Query{Ef: 100})
			t.Logf("seed %d, %s, %v: %.4f", seed, tt.name, q, got)
			if q == hnswlib.None {
				base = got
			} else if base-got > tt.loss[q] {
				t.Errorf("seed %d, %s: recall of %v is %.4f, that of none %.4f", seed, tt.name, q, got, base)
			}
		}
	}
}

// One vector far from all others, or a small part of them, must not make the
// rest alike: ranges are those of the many, and what lies outside is told apart
// all the same.
func TestOutliersDoNotSpoilCodes(t *testing.T) {
	const n, dim, k, queries, seed = 3000, 96, 10, 200, 108
	for _, tt := range []struct {
		name string
		far  int // so many
		by   float32
		of   float32 // of what is asked for, how far away it is
	}{
		{"one vector a million times as long", 1, 1e6, 0},
		{"one vector a thousand times as long", 1, 1e3, 0},
		{"two in a hundred at 20 deviations", n / 50, 20, 20},
	} {
		for _, q := range quantizations {
			r := newRand(seed)
			around := func(n int, centre float32) [][]float32 {
				return generate(n, dim, func(int, int) float32 { return centre + float32(r.NormFloat64()) })
			}
			ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Quantization: q, M: 12, EfConstruction: 80, Threads: 1})
			rows := append(around(n-tt.far, 0), around(tt.far, tt.by)...)
			if tt.far == 1 {
				rows[0], rows[n-1] = rows[n-1], rows[0] // there when codes are learned
			}
			mustAdd(t, ix, rows, sequence(0, n))
			asked := around(queries, tt.of)
			truth := exact(t, ix, asked, k, nil)
			got := recall(t, ix, asked, truth, &hnswlib.Query{Ef: 300})
			t.Logf("seed %d, %s, %v: recall %.4f", seed, tt.name, q, got)
			if got < 0.93 {
				t.Errorf("seed %d, %s, %v: recall %.4f, want 0.93", seed, tt.name, q, got)
			}
		}
	}
}
