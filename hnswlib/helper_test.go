package hnswlib_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

var oracles = map[hnswlib.Space]vec.Distance{
	hnswlib.L2:           vec.L2,
	hnswlib.InnerProduct: vec.InnerProduct,
	hnswlib.Cosine:       vec.Cosine,
}

// newIndex returns an index that is checked and closed at the end of the test.
func newIndex(t testing.TB, space hnswlib.Space, dim int, cfg *hnswlib.Config) *hnswlib.Index {
	t.Helper()
	ix, err := hnswlib.New(space, dim, cfg)
	if err != nil {
		t.Fatalf("New(%v, %d, %+v): %v", space, dim, cfg, err)
	}
	t.Cleanup(func() { checkAndClose(t, ix) })
	return ix
}

func checkAndClose(t testing.TB, ix *hnswlib.Index) {
	t.Helper()
	if err := ix.Check(); err != nil && !errors.Is(err, hnswlib.ErrClosed) {
		t.Errorf("Check: %v", err)
	}
	if err := ix.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func mustAdd(t testing.TB, ix *hnswlib.Index, rows [][]float32, labels []uint64) {
	t.Helper()
	if err := ix.Add(flatten(rows), labels); err != nil {
		t.Fatalf("Add(%d vectors): %v", len(rows), err)
	}
}

func mustQuery(t testing.TB, ix *hnswlib.Index, query []float32, k int, opt *hnswlib.Query) []hnswlib.Neighbor {
	t.Helper()
	rows, err := ix.KNNQuery(query, k, opt)
	if err != nil {
		t.Fatalf("KNNQuery(k %d): %v", k, err)
	}
	if len(rows) != 1 {
		t.Fatalf("KNNQuery of one query returned %d rows", len(rows))
	}
	return rows[0]
}

// queryAny is mustQuery of an index that may be empty.
func queryAny(t testing.TB, ix *hnswlib.Index, query []float32, k int, opt *hnswlib.Query) []hnswlib.Neighbor {
	t.Helper()
	if _, err := ix.KNNQuery(query, k, opt); errors.Is(err, hnswlib.ErrEmpty) {
		return nil
	}
	return mustQuery(t, ix, query, k, opt)
}

func mustSave(t testing.TB, ix *hnswlib.Index) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.hnsw")
	if err := ix.Save(path); err != nil {
		t.Fatalf("Save: %v", err)
	}
	return path
}

func mustLoad(t testing.TB, path string, space hnswlib.Space, dim int, cfg *hnswlib.Config) *hnswlib.Index {
	t.Helper()
	ix, err := hnswlib.Load(path, space, dim, cfg)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	t.Cleanup(func() { checkAndClose(t, ix) })
	return ix
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// clustered returns n vectors around n/20+1 random centres, as embeddings are.
func clustered(r *rand.Rand, n, dim int) [][]float32 {
	centres := make([][]float32, n/20+1)
	for i := range centres {
		centres[i] = gaussian(r, dim, 1)
	}
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = gaussian(r, dim, 0.3)
		for j, c := range centres[r.IntN(len(centres))] {
			rows[i][j] += c
		}
	}
	return rows
}

func gaussian(r *rand.Rand, dim int, deviation float64) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64() * deviation)
	}
	return v
}

func flatten(rows [][]float32) []float32 {
	var flat []float32
	for _, row := range rows {
		flat = append(flat, row...)
	}
	return flat
}

// sequence returns n labels from first on.
func sequence(first uint64, n int) []uint64 {
	labels := make([]uint64, n)
	for i := range labels {
		labels[i] = first + uint64(i)
	}
	return labels
}

func labelsOf(row []hnswlib.Neighbor) []uint64 {
	labels := make([]uint64, len(row))
	for i, n := range row {
		labels[i] = n.Label
	}
	return labels
}
