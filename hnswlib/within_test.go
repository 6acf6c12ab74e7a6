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

func TestWithinFindsAllThatLiesWithin(t *testing.T) {
	const n, dim, seed = 2000, 8, 91
	r := newRand(seed)
	rows := clustered(r, n, dim)
	f := hnswlib.FilterFunc(sequence(0, n), func(l uint64) bool { return l%3 == 0 })
	for space, oracle := range oracles {
		ix := newIndex(t, space, dim, nil)
		mustAdd(t, ix, rows, sequence(0, n))
		if err := ix.MarkDeleted(sequence(0, 100)); err != nil {
			t.Fatal(err)
		}
		for _, q := range clustered(r, 20, dim) {
			sorted := vec.Nearest(oracle, rows, q, n)
			for _, at := range []int{0, 5, 300, n - 1} { // hits on both sides of firstHits
				radius := float32(sorted[at].Distance)
				for _, tt := range []struct {
					name string
					opt  hnswlib.Range
				}{
					{"all", hnswlib.Range{}},
					{"the nearest 7", hnswlib.Range{Limit: 7}},
					{"filtered", hnswlib.Range{Filter: f}},
					{"by the graph", hnswlib.Range{Ef: 100}},
					{"by the graph, filtered", hnswlib.Range{Ef: 100, Filter: f}},
				} {
					got, err := ix.Within(q, radius, &tt.opt)
					if err != nil {
						t.Fatalf("%v, %s: %v", space, tt.name, err)
					}
					in := func(l int) bool { return l >= 100 && (tt.opt.Filter == nil || l%3 == 0) }
					want, close := 0, 0 // close calls: float32 may see them on either side
					for _, h := range sorted {
						d := h.Distance - float64(radius)
						if in(h.Row) && math.Abs(d) <= 1e-4*(1+math.Abs(float64(radius))) {
							close++
						} else if in(h.Row) && d < 0 {
							want++
						}
					}
					if tt.opt.Limit > 0 {
						want, close = min(want, tt.opt.Limit), max(0, min(close, tt.opt.Limit-want))
					}
					least := want
					if tt.opt.Ef > 0 {
						least = max(0, want*95/100-2)
					}
					if len(got) < least || len(got) > want+close {
						t.Fatalf("seed %d, %v, %s: Within(%v) = %d neighbours, want %d to %d", seed, space, tt.name, radius, len(got), least, want+close)
					}
					checkRow(t, got, rows, q, oracle)
					for _, hit := range got {
						if !in(int(hit.Label)) || hit.Distance > radius {
							t.Fatalf("%v, %s: %v is in the answer of radius %v", space, tt.name, hit, radius)
						}
					}
				}
			}
		}
	}
}

func TestWithinAtTheEdges(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	within := func(radius float32) []uint64 {
		t.Helper()
		got, err := ix.Within([]float32{0}, radius, nil)
		if err != nil {
			t.Fatal(err)
		}
		return labelsOf(got)
	}
	mustAdd(t, ix, [][]float32{{1}, {-1}, {2}}, []uint64{3, 2, 1})
	inf := float32(math.Inf(1))
	for _, tt := range []struct {
		radius float32
		want   []uint64
	}{{1, []uint64{2, 3}}, {0.99, []uint64{}}, {-1, []uint64{}}, {4, []uint64{2, 3, 1}}, {inf, []uint64{2, 3, 1}}, {-inf, []uint64{}}} {
		if diff := cmp.Diff(tt.want, within(tt.radius)); diff != "" {
			t.Errorf("Within(%v) (-want +got):\n%s", tt.radius, diff)
		}
	}
	nan := float32(math.NaN())
	for _, tt := range []struct {
		name   string
		query  []float32
		radius float32
		opt    *hnswlib.Range
		want   error
	}{
		{"NaN as the radius", []float32{1}, nan, nil, hnswlib.ErrConfig},
		{"negative ef", []float32{1}, 1, &hnswlib.Range{Ef: -1}, hnswlib.ErrConfig},
		{"negative limit", []float32{1}, 1, &hnswlib.Range{Limit: -1}, hnswlib.ErrConfig},
		{"two queries", []float32{1, 2}, 1, nil, hnswlib.ErrDimension},
		{"no query", nil, 1, nil, hnswlib.ErrDimension},
		{"NaN in the query", []float32{nan}, 1, nil, hnswlib.ErrNotFinite},
	} {
		if _, err := ix.Within(tt.query, tt.radius, tt.opt); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestDocumentsAgreeWithBruteForce(t *testing.T) {
	const n, dim, seed = 1500, 6, 92
	r := newRand(seed)
	rows := clustered(r, n, dim)
	// One document has half of all vectors, the others have 1 to 5.
	documentOf := func(l uint64) uint64 {
		if l%2 == 0 {
			return 7
		}
		return 1000 + l/5
	}
	ix := newIndex(t, hnswlib.L2, dim, nil)
	mustAdd(t, ix, rows, sequence(0, n))
	documents := map[uint64]bool{}
	for l := range uint64(n) {
		documents[documentOf(l)] = true
	}
	for _, q := range clustered(r, 15, dim) {
		for _, k := range []int{1, 3, 40, len(documents), n} {
			got, err := ix.KNNQueryDocuments(q, k, documentOf, &hnswlib.Query{Ef: n}) // exact
			if err != nil {
				t.Fatal(err)
			}
			var want []uint64
			for _, hit := range vec.Nearest(vec.L2, rows, q, n) {
				if d := documentOf(uint64(hit.Row)); len(want) < k && !slices.Contains(want, d) {
					want = append(want, d)
				}
			}
			var docs []uint64
			for _, d := range got {
				docs = append(docs, d.Document)
				if documentOf(d.Label) != d.Document {
					t.Fatalf("label %d is not of document %d", d.Label, d.Document)
				}
			}
			if diff := cmp.Diff(want, docs); diff != "" {
				t.Fatalf("seed %d: KNNQueryDocuments(k %d) (-want +got):\n%s", seed, k, diff)
			}
			if got, err = ix.KNNQueryDocuments(q, k, documentOf, nil); err != nil || len(got) != len(want) {
				t.Fatalf("seed %d: KNNQueryDocuments(k %d) by the graph = %d documents, %v, want %d", seed, k, len(got), err, len(want))
			}
		}
	}
	if _, err := ix.KNNQueryDocuments(flatten(rows[:2]), 1, documentOf, nil); !errors.Is(err, hnswlib.ErrDimension) {
		t.Errorf("KNNQueryDocuments of two queries: %v, want %v", err, hnswlib.ErrDimension)
	}
	if _, err := ix.KNNQueryDocuments(rows[0], 0, documentOf, nil); !errors.Is(err, hnswlib.ErrConfig) {
		t.Errorf("KNNQueryDocuments(k 0): %v, want %v", err, hnswlib.ErrConfig)
	}
}

func ExampleIndex_Within() {
	ix, err := hnswlib.New(hnswlib.L2, 1, nil)
	if err != nil {
		panic(err)
	}
	defer ix.Close()
	if err := ix.Add([]float32{1, 2, 3, 4}, []uint64{1, 2, 3, 4}); err != nil {
		panic(err)
	}
	fmt.Println(ix.Within([]float32{2}, 1, nil)) // L2 is squared, so is the radius
	// Output:
	// [{2 0} {1 1} {3 1}] <nil>
}

func ExampleIndex_KNNQueryDocuments() {
	ix, err := hnswlib.New(hnswlib.L2, 1, nil)
	if err != nil {
		panic(err)
	}
	defer ix.Close()
	// Labels 10 to 19 are the vectors of document 1, 20 to 29 of document 2.
	if err := ix.Add([]float32{1, 2, 3, 9}, []uint64{10, 11, 12, 20}); err != nil {
		panic(err)
	}
	document := func(label uint64) uint64 { return label / 10 }
	fmt.Println(ix.KNNQueryDocuments([]float32{0}, 2, document, nil))
	// Output:
	// [{1 {10 1}} {2 {20 81}}] <nil>
}
