package hnswlib_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
)

const benchDim = 384

func benchIndex(b *testing.B, n int) (*hnswlib.Index, [][]float32) {
	b.Helper()
	ix, err := hnswlib.New(hnswlib.InnerProduct, benchDim, &hnswlib.Config{MaxElements: n})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ix.Close() })
	rows := clustered(rand.New(rand.NewPCG(1, 0)), n, benchDim)
	mustAdd(b, ix, rows, sequence(0, n))
	return ix, rows
}

// One operation is one vector, in batches of 64, into a growing index.
func BenchmarkAdd(b *testing.B) {
	rows := clustered(newRand(1), 20_000, benchDim)
	ix, err := hnswlib.New(hnswlib.InnerProduct, benchDim, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer ix.Close()
	flat := flatten(rows)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := i % len(rows)
		if at%64 != 0 {
			continue
		}
		n := min(64, len(rows)-at)
		if err := ix.Add(flat[at*benchDim:(at+n)*benchDim], sequence(uint64(i), n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKNNQuery(b *testing.B) {
	ix, rows := benchIndex(b, 10_000)
	flat := flatten(rows)
	for _, ef := range []int{10, 80} {
		for _, batch := range []int{1, 64} {
			b.Run(fmt.Sprintf("ef=%d/batch=%d", ef, batch), func(b *testing.B) {
				opt := &hnswlib.Query{Ef: ef}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					at := i * batch % (len(rows) - batch)
					if _, err := ix.KNNQuery(flat[at*benchDim:(at+batch)*benchDim], 10, opt); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "queries/s")
			})
		}
	}
}

// One operation is one vector, of an index built at once on so many threads.
func BenchmarkBuild(b *testing.B) {
	const n = 5_000
	flat := flatten(clustered(newRand(1), n, benchDim))
	for _, threads := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			for b.Loop() {
				ix, err := hnswlib.New(hnswlib.InnerProduct, benchDim, &hnswlib.Config{MaxElements: n, Threads: threads})
				if err != nil {
					b.Fatal(err)
				}
				if err := ix.Add(flat, sequence(0, n)); err != nil {
					b.Fatal(err)
				}
				ix.Close()
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "vectors/s")
		})
	}
}

// The same into the caller's slices, with and without a filter that is known.
func BenchmarkKNNQueryIntoOverhead(b *testing.B) {
	ix, err := hnswlib.New(hnswlib.L2, 1, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer ix.Close()
	mustAdd(b, ix, [][]float32{{1}}, []uint64{1})
	query, out, counts := []float32{1}, make([]hnswlib.Neighbor, 1), make([]uint32, 1)
	for name, opt := range map[string]*hnswlib.Query{"plain": nil, "filtered": {Filter: hnswlib.Allow([]uint64{1})}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := ix.KNNQueryInto(query, 1, out, counts, opt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a query costs beyond the search itself: the crossing, the locks and the
// result, in an index of one element.
func BenchmarkKNNQueryOverhead(b *testing.B) {
	ix, err := hnswlib.New(hnswlib.L2, 1, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer ix.Close()
	mustAdd(b, ix, [][]float32{{1}}, []uint64{1})
	query := []float32{1}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ix.KNNQuery(query, 1, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSave(b *testing.B) {
	ix, _ := benchIndex(b, 5_000)
	path := b.TempDir() + "/index.hnsw"
	b.SetBytes(ix.FileSize())
	b.ReportAllocs()
	for b.Loop() {
		if err := ix.Save(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	ix, _ := benchIndex(b, 5_000)
	path := mustSave(b, ix)
	b.SetBytes(ix.FileSize())
	b.ReportAllocs()
	for b.Loop() {
		loaded, err := hnswlib.Load(path, hnswlib.InnerProduct, benchDim, nil)
		if err != nil {
			b.Fatal(err)
		}
		loaded.Close()
	}
}
