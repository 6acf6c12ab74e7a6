package hnswlib_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
)

// shapes of data on which engines are compared.
var shapes = map[string]func(r *rand.Rand, n, dim int) [][]float32{
	"clustered": clustered,
	"uniform": func(r *rand.Rand, n, dim int) [][]float32 {
		return generate(n, dim, func(int, int) float32 { return r.Float32() - 0.5 })
	},
	"huge": func(r *rand.Rand, n, dim int) [][]float32 {
		return generate(n, dim, func(int, int) float32 { return (r.Float32() - 0.5) * 1e17 })
	},
}

func generate(n, dim int, number func(i, j int) float32) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, dim)
		for j := range rows[i] {
			rows[i][j] = number(i, j)
		}
	}
	return rows
}

func distancesOf(row []hnswlib.Neighbor) []float32 {
	d := make([]float32, len(row))
	for i := range row {
		d[i] = row[i].Distance
	}
	return d
}

// On one graph the engines find the same: with and without deleted elements, and
// with filters of every width.
func TestEnginesFindTheSame(t *testing.T) {
	const n, seed = 2000, 91
	for _, space := range []hnswlib.Space{hnswlib.L2, hnswlib.InnerProduct, hnswlib.Cosine} {
		for name, shape := range shapes {
			for _, dim := range []int{1, 3, 17, 64, 130} {
				r := newRand(seed)
				rows := shape(r, n+40, dim)
				rows, asked := rows[:n], rows[n:]
				if dim == 1 && space == hnswlib.Cosine {
					continue // one direction and its opposite: all ties
				}
				ix := newIndex(t, space, dim, &hnswlib.Config{M: 6, EfConstruction: 40, Quantization: hnswlib.None})
				mustAdd(t, ix, rows, sequence(0, n))
				filters := []*hnswlib.Filter{nil}
				for _, share := range []float64{0.5, 0.1} {
					var labels []uint64
					for l := range uint64(n) {
						if r.Float64() < share {
							labels = append(labels, l)
						}
					}
					filters = append(filters, hnswlib.Allow(labels))
				}
				for _, deleted := range []int{0, n / 3} {
					if deleted > 0 {
						if err := ix.MarkDeleted(sequence(0, deleted)); err != nil {
							t.Fatal(err)
						}
					}
					for f, filter := range filters {
						for _, ef := range []int{1, 10, 60} {
							for _, q := range asked {
								want := mustQuery(t, ix, q, 10, &hnswlib.Query{Ef: ef, Filter: filter, Engine: hnswlib.Upstream})
								got := mustQuery(t, ix, q, 10, &hnswlib.Query{Ef: ef, Filter: filter, Engine: hnswlib.Own})
								if !slices.Equal(distancesOf(want), distancesOf(got)) {
									t.Fatalf("seed %d: %v, %s, dim %d, %d deleted, filter %d, ef %d: got %v, upstream %v",
										seed, space, name, dim, deleted, f, ef, got, want)
								}
							}
						}
					}
				}
			}
		}
	}
}

// Where many elements are at one distance the engines may find others of them,
// and both find as good ones as there are.
func TestEnginesAgreeWhereAllIsAlike(t *testing.T) {
	const n, dim, seed = 600, 8, 92
	for _, kinds := range []int{1, 5} { // of vectors
		r := newRand(seed)
		few := clustered(r, kinds, dim)
		rows := make([][]float32, n)
		for i := range rows {
			rows[i] = few[i%kinds]
		}
		ix := newIndex(t, hnswlib.L2, dim, nil)
		mustAdd(t, ix, rows, sequence(0, n))
		for _, engine := range []hnswlib.Engine{hnswlib.Own, hnswlib.Upstream} {
			for i, q := range few {
				got := mustQuery(t, ix, q, 10, &hnswlib.Query{Ef: 20, Engine: engine})
				if len(got) != 10 || got[9].Distance != 0 {
					t.Errorf("seed %d, %d kinds, engine %d: the 10 nearest to %d are at %v, want all at 0", seed, kinds, engine, i, distancesOf(got))
				}
			}
		}
	}
}

func TestEnginesOfTinyIndexes(t *testing.T) {
	for n := 1; n < 40; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			ix := newIndex(t, hnswlib.L2, 4, &hnswlib.Config{M: 2, Quantization: hnswlib.None})
			rows := clustered(newRand(uint64(n)), n, 4)
			mustAdd(t, ix, rows, sequence(0, n))
			for k := 1; k <= n+1; k += 3 {
				for _, ef := range []int{1, n / 2, n} {
					want := mustQuery(t, ix, rows[0], k, &hnswlib.Query{Ef: ef, Engine: hnswlib.Upstream})
					got := mustQuery(t, ix, rows[0], k, &hnswlib.Query{Ef: ef})
					if !slices.Equal(distancesOf(want), distancesOf(got)) {
						t.Errorf("k %d, ef %d: got %v, upstream %v", k, ef, got, want)
					}
				}
			}
		})
	}
}

func TestAnUnknownEngineIsRefused(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 2, nil)
	mustAdd(t, ix, [][]float32{{1, 2}}, sequence(0, 1))
	if _, err := ix.KNNQuery([]float32{1, 2}, 1, &hnswlib.Query{Engine: 7}); !errors.Is(err, hnswlib.ErrConfig) {
		t.Errorf("KNNQuery by engine 7 = %v, want ErrConfig", err)
	}
}
