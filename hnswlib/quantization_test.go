package hnswlib_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
)

var recallAll = flag.Bool("recall.all", false, "TestCodesCostLittleRecall goes through every dimension for every shape, which takes minutes")

var (
	spaces        = []hnswlib.Space{hnswlib.L2, hnswlib.InnerProduct, hnswlib.Cosine}
	quantizations = []hnswlib.Quantization{hnswlib.None, hnswlib.Int8, hnswlib.Int4}
)

// exact is the k nearest of each query, by looking at all.
func exact(t testing.TB, ix *hnswlib.Index, asked [][]float32, k int, filter *hnswlib.Filter) [][]hnswlib.Neighbor {
	t.Helper()
	rows, err := ix.KNNQuery(flatten(asked), k, &hnswlib.Query{Ef: 1 << 20, Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// recall is the share of answers that are as near as the k-th of truth: of
// several at one distance, any will do.
func recall(t testing.TB, ix *hnswlib.Index, asked [][]float32, truth [][]hnswlib.Neighbor, opt *hnswlib.Query) float64 {
	t.Helper()
	rows, err := ix.KNNQuery(flatten(asked), len(truth[0]), opt)
	if err != nil {
		t.Fatal(err)
	}
	found, of := 0, 0
	for i, row := range rows {
		k := len(truth[i])
		if len(row) != k {
			t.Errorf("query %d has %d answers, want %d", i, len(row), k)
		}
		for _, n := range row {
			if n.Distance <= truth[i][k-1].Distance {
				found++
			}
		}
		of += k
	}
	return float64(found) / float64(of)
}

func scaled(shape func(r *rand.Rand, n, dim int) [][]float32, by float32) func(r *rand.Rand, n, dim int) [][]float32 {
	return func(r *rand.Rand, n, dim int) [][]float32 {
		rows := shape(r, n, dim)
		for _, row := range rows {
			for j := range row {
				row[j] *= by
			}
		}
		return rows
	}
}

// A shape of data that codes may find hard, and the recall that they may lose
// of it, against None at the same ef, where ef is 4 k and more.
type codedShape struct {
	name       string
	rows       func(r *rand.Rand, n, dim int) [][]float32
	int8, int4 float64 // in l2, from 17 dimensions on
	elsewhere  float64 // in ip and cosine, by either: see TestCodesCostLittleRecall
}

var codedShapes = []codedShape{
	{"clustered", clustered, 0.005, 0.01, 0.01},
	{"uniform", shapes["uniform"], 0.01, 0.015, 0.02},
	{"duplicates", func(r *rand.Rand, n, dim int) [][]float32 {
		few := clustered(r, n/10, dim)
		return generate(n, dim, func(i, j int) float32 { return few[i%len(few)][j] })
	}, 0.005, 0.015, 0.06},
	{"constant", func(_ *rand.Rand, n, dim int) [][]float32 {
		return generate(n, dim, func(int, int) float32 { return 0.5 })
	}, 0, 0, 0},
	{"huge norm", scaled(clustered, 1e17), 0.005, 0.01, 0.01},
	{"tiny norm", scaled(clustered, 1e-17), 0.005, 0.01, 0.01},
	{"a constant dimension", func(r *rand.Rand, n, dim int) [][]float32 {
		rows := clustered(r, n, dim)
		for _, row := range rows {
			row[0] = 3
		}
		return rows
	}, 0.005, 0.01, 0.01},
	{"a few dimensions 1000 times larger", func(r *rand.Rand, n, dim int) [][]float32 {
		rows := clustered(r, n, dim)
		for _, row := range rows {
			for j := 0; j < len(row); j += 1 + dim/3 {
				row[j] *= 1000
			}
		}
		return rows
	}, 0.005, 0.025, 0.55},
	// What is hard for None too: most of a row is far below what a code can tell.
	{"components 1000 times larger", func(r *rand.Rand, n, dim int) [][]float32 {
		rows := clustered(r, n, dim)
		for _, row := range rows {
			row[r.IntN(dim)] *= 1000
		}
		return rows
	}, 0.3, 0.6, 0.7},
	{"sparse", func(r *rand.Rand, n, dim int) [][]float32 {
		rows := clustered(r, n, dim)
		for _, row := range rows {
			for j := range row {
				if r.IntN(10) > 0 {
					row[j] = 0
				}
			}
			row[0] += 1e-3 // so that something is left of each
		}
		return rows
	}, 0.08, 0.2, 0.3},
	{"clusters far apart", farApart(30), 0.06, 0.5, 0.75},
	{"off centre", func(r *rand.Rand, n, dim int) [][]float32 {
		rows := clustered(r, n, dim)
		for _, row := range rows {
			for j := range row {
				row[j] += 100
			}
		}
		return rows
	}, 0.005, 0.01, 1},
}

// farApart has 20 clusters at a multiple of their spread.
func farApart(distance float64) func(r *rand.Rand, n, dim int) [][]float32 {
	return func(r *rand.Rand, n, dim int) [][]float32 {
		centres := make([][]float32, 20)
		for i := range centres {
			centres[i] = gaussian(r, dim, distance)
		}
		rows := make([][]float32, n)
		for i := range rows {
			rows[i] = gaussian(r, dim, 1)
			for j, c := range centres[r.IntN(len(centres))] {
				rows[i][j] += c
			}
		}
		return rows
	}
}

// An estimate's error is proportional to the distance in l2, to the query in ip
// and cosine: small for what is near in l2 only. So where vectors share a
// direction, or neighbours are close, codes lose most in those.
func TestCodesCostLittleRecall(t *testing.T) {
	const n, queries, k, seed = 2000, 200, 10, 101
	few := []int{1, 2, 3, 5, 8, 16}
	dims := []int{17, 31, 48, 63, 64, 65, 100, 127, 128, 129, 130, 384, 768}
	run := 0
	for _, shape := range codedShapes {
		for _, space := range spaces {
			asked := []int{few[run%len(few)], dims[run%len(dims)]}
			run++
			if *recallAll {
				asked = append(few, dims...)
			} else if testing.Short() && run%3 != 0 {
				continue
			}
			for _, dim := range asked {
				if dim == 1 && space == hnswlib.Cosine || testing.Short() && dim > 130 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%v/%d", shape.name, space, dim), func(t *testing.T) {
					t.Parallel()
					rows := shape.rows(newRand(seed), n+queries, dim)
					rows, asked := rows[:n], rows[n:]
					var truth [][]hnswlib.Neighbor
					efs := []int{k, 4 * k, 10 * k}
					var got [3][3]float64
					for _, q := range quantizations {
						ix := newIndex(t, space, dim, &hnswlib.Config{Quantization: q, M: 12, EfConstruction: 60, Threads: 1})
						mustAdd(t, ix, rows, sequence(0, n))
						if truth == nil {
							truth = exact(t, ix, asked, k, nil)
						}
						for i, ef := range efs {
							got[q][i] = recall(t, ix, asked, truth, &hnswlib.Query{Ef: ef})
						}
					}
					t.Logf("seed %d, ef %v: none %.4f, int8 %.4f, int4 %.4f", seed, efs, got[hnswlib.None], got[hnswlib.Int8], got[hnswlib.Int4])
					if dim < 17 {
						return // an answer, of whatever recall: few codes are there to tell vectors apart
					}
					loss := map[hnswlib.Quantization]float64{hnswlib.Int8: shape.int8, hnswlib.Int4: shape.int4}
					for q, may := range loss {
						if space != hnswlib.L2 {
							may = shape.elsewhere
						}
						for i := range efs[1:] {
							if lost := got[hnswlib.None][i+1] - got[q][i+1]; lost > may {
								t.Errorf("seed %d, ef %d: %v has recall %.4f, none %.4f: %.4f less, may be %v", seed, efs[i+1], q, got[q][i+1], got[hnswlib.None][i+1], lost, may)
							}
						}
					}
				})
			}
		}
	}
}

// Few vectors have no codes, and as many as they learn from, or one more, have.
func TestCodesFromTheFirstVectorOn(t *testing.T) {
	const dim, seed = 20, 102
	for _, n := range []int{1, 2, 5, 255, 256, 257, 1023, 1024, 1025} {
		for _, q := range quantizations {
			r := newRand(seed)
			ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Quantization: q, MaxElements: 1})
			rows := clustered(r, n, dim)
			for i := 0; i < n; { // growth from 1, in odd batches
				m := min(n-i, 1+r.IntN(200))
				mustAdd(t, ix, rows[i:i+m], sequence(uint64(i), m))
				i += m
			}
			for i, row := range rows {
				if got := mustQuery(t, ix, row, 1, &hnswlib.Query{Ef: 60}); got[0].Label != uint64(i) || got[0].Distance != 0 {
					t.Fatalf("seed %d, %v, %d elements: nearest to %d is %v", seed, q, n, i, got)
				}
			}
		}
	}
}

// An index whose labels were replaced and deleted, saved and loaded, compacted:
// what it answers stays as good, with filters of every width.
func TestCodedIndexesThroughTheirLives(t *testing.T) {
	const n, dim, k, seed = 2400, 48, 10, 104
	for i, q := range quantizations {
		space := spaces[i]
		for _, space := range []hnswlib.Space{space, spaces[(i+1)%3]} {
			t.Run(fmt.Sprintf("%v/%v", q, space), func(t *testing.T) {
				t.Parallel()
				r := newRand(seed)
				all := clustered(r, n+n/3+100, dim)
				asked := all[n+n/3:]
				cfg := &hnswlib.Config{Quantization: q, M: 12, EfConstruction: 80, MaxElements: 1, Threads: 2}
				ix := newIndex(t, space, dim, cfg)
				mustAdd(t, ix, all[:n], sequence(0, n))
				mustAdd(t, ix, all[n:n+n/3], sequence(n/2, n/3)) // replaces
				if err := ix.MarkDeleted(sequence(0, n/4)); err != nil {
					t.Fatal(err)
				}
				measure := func(what string, ix *hnswlib.Index) (whole float64) {
					t.Helper()
					for _, share := range []float64{1, 0.5, 0.1, 0.01} {
						var f *hnswlib.Filter
						kept := map[uint64]bool{}
						if share < 1 {
							f = hnswlib.FilterFunc(ix.Labels(), func(l uint64) bool {
								kept[l] = r.Float64() < share
								return kept[l]
							})
						}
						truth := exact(t, ix, asked, k, f)
						got := recall(t, ix, asked, truth, &hnswlib.Query{Ef: 100, Filter: f})
						t.Logf("seed %d, %s, %.2f of all: recall %.4f", seed, what, share, got)
						if got < 0.97 {
							t.Errorf("seed %d, %s, %.2f of all: recall %.4f, want 0.97", seed, what, share, got)
						}
						rows, err := ix.KNNQuery(flatten(asked), k, &hnswlib.Query{Filter: f})
						if err != nil {
							t.Fatal(err)
						}
						for _, row := range rows {
							for _, hit := range row {
								if f != nil && !kept[hit.Label] || !ix.Has(hit.Label) {
									t.Fatalf("seed %d, %s: label %d is in the answer", seed, what, hit.Label)
								}
							}
						}
						if share == 1 {
							whole = got
						}
					}
					return whole
				}
				before := measure("worn", ix)
				loaded := mustLoad(t, mustSave(t, ix), space, dim, cfg)
				if after := measure("loaded", loaded); after < before-0.01 || after > before+0.01 {
					t.Errorf("seed %d: recall %.4f, once loaded %.4f", seed, before, after)
				}
				for _, step := range []struct {
					name string
					do   func() error
				}{
					{"compacted", ix.Compact},
					{"resized", func() error { return ix.Resize(2 * n) }},
					{"shrunk", func() error { return ix.Resize(ix.Len()) }},
					{"added to", func() error { return ix.Add(flatten(all[:n/4]), sequence(0, n/4)) }},
				} {
					if err := step.do(); err != nil {
						t.Fatalf("%s: %v", step.name, err)
					}
					if after := measure(step.name, ix); after < before-0.01 {
						t.Errorf("seed %d: recall %.4f, once %s %.4f", seed, before, step.name, after)
					}
				}
			})
		}
	}
}

// A full index whose elements come and go has codes that fit those that are there.
func TestCodesOfAFixedCapacity(t *testing.T) {
	const n, dim, k, seed = 600, 32, 5, 105
	for _, q := range quantizations {
		r := newRand(seed)
		ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Quantization: q, MaxElements: n, FixedCapacity: true, ReplaceDeleted: true, Threads: 2})
		mustAdd(t, ix, clustered(r, n, dim), sequence(0, n))
		if err := ix.Add(make([]float32, dim), []uint64{1 << 40}); !errors.Is(err, hnswlib.ErrFull) {
			t.Fatalf("Add to a full index: %v, want %v", err, hnswlib.ErrFull)
		}
		for round := range uint64(12) {
			if err := ix.MarkDeleted(sequence(round*n/4, n/4)); err != nil {
				t.Fatal(err)
			}
			mustAdd(t, ix, clustered(r, n/4, dim), sequence(n+round*n/4, n/4))
		}
		if ix.Len() != n || ix.DeletedLen() != 0 {
			t.Errorf("Len, DeletedLen = %d, %d, want %d, 0", ix.Len(), ix.DeletedLen(), n)
		}
		asked := clustered(r, 100, dim)
		if got := recall(t, ix, asked, exact(t, ix, asked, k, nil), &hnswlib.Query{Ef: 60}); got < 0.95 {
			t.Errorf("seed %d, %v: recall %.4f, want 0.95", seed, q, got)
		}
	}
}

func TestWithinByCodes(t *testing.T) {
	const n, dim, seed = 2000, 48, 106
	for _, space := range spaces {
		for _, q := range quantizations {
			r := newRand(seed)
			rows := clustered(r, n+40, dim)
			rows, asked := rows[:n], rows[n:]
			ix := newIndex(t, space, dim, &hnswlib.Config{Quantization: q, M: 12, EfConstruction: 80, Threads: 1})
			mustAdd(t, ix, rows, sequence(0, n))
			found, of := 0, 0
			for _, query := range asked {
				radius := mustQuery(t, ix, query, 30, &hnswlib.Query{Ef: n})[29].Distance
				all, err := ix.Within(query, radius, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := ix.Within(query, radius, &hnswlib.Range{Ef: 400})
				if err != nil {
					t.Fatal(err)
				}
				of += len(all)
				found += len(got)
				exact := map[hnswlib.Neighbor]bool{}
				for _, hit := range all {
					exact[hit] = true
				}
				for _, hit := range got {
					if !exact[hit] {
						t.Fatalf("seed %d, %v, %v: %v is not within %v", seed, space, q, hit, radius)
					}
				}
			}
			// The last few hits of an answer are those that estimates may leave out.
			if least := float64(of) * 0.99; float64(found) < least {
				t.Errorf("seed %d, %v, %v: %d of %d hits within, want 99 %%", seed, space, q, found, of)
			}
		}
	}
}

func TestDocumentsByCodes(t *testing.T) {
	const n, dim, k, seed = 2000, 48, 10, 107
	document := func(l uint64) uint64 { return l / 4 }
	for _, q := range quantizations {
		r := newRand(seed)
		rows := clustered(r, n+50, dim)
		rows, asked := rows[:n], rows[n:]
		ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Quantization: q, Threads: 1})
		mustAdd(t, ix, rows, sequence(0, n))
		found := 0
		for _, query := range asked {
			want, err := ix.KNNQueryDocuments(query, k, document, &hnswlib.Query{Ef: n})
			if err != nil {
				t.Fatal(err)
			}
			got, err := ix.KNNQueryDocuments(query, k, document, &hnswlib.Query{Ef: 100})
			if err != nil || len(got) != k || len(want) != k {
				t.Fatalf("%d documents, %v, want %d", len(got), err, k)
			}
			for _, d := range got {
				if d.Distance <= want[k-1].Distance {
					found++
				}
			}
		}
		if found < len(asked)*k*98/100 {
			t.Errorf("seed %d, %v: %d of %d documents", seed, q, found, len(asked)*k)
		}
	}
}

func TestNamesOfQuantizationsAndEngines(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"int8": hnswlib.Int8, "int4": hnswlib.Int4, "none": hnswlib.None, "Quantization(7)": hnswlib.Quantization(7),
		"Quantization(-1)": hnswlib.Quantization(-1), "own": hnswlib.Own, "upstream": hnswlib.Upstream, "Engine(9)": hnswlib.Engine(9),
	} {
		if got.String() != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}
