package hnswlib_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

// recallOf returns the share of the k nearest rows that an index finds, by distance.
func recallOf(t *testing.T, ix *hnswlib.Index, oracle vec.Distance, rows, asked [][]float32, opt *hnswlib.Query) float64 {
	t.Helper()
	const k = 10
	found := 0
	for _, q := range asked {
		want := vec.Nearest(oracle, rows, q, k)
		for _, n := range mustQuery(t, ix, q, k, opt) {
			if oracle(q, rows[n.Label]) <= want[len(want)-1].Distance*(1+1e-6)+1e-9 {
				found++
			}
		}
	}
	return float64(found) / float64(k*len(asked))
}

func TestVectorsInAFile(t *testing.T) {
	const n, dim, seed = 3000, 48, 101
	rows := clustered(newRand(seed), n+50, dim)
	rows, asked := rows[:n], rows[n:]
	dir := t.TempDir()
	inMemory := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Threads: 1})
	inFile := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Threads: 1, VectorsDir: dir})
	for _, ix := range []*hnswlib.Index{inMemory, inFile} {
		mustAdd(t, ix, rows, sequence(0, n)) // grows from 256
		if err := ix.MarkDeleted(sequence(0, 100)); err != nil {
			t.Fatal(err)
		}
		if err := ix.Compact(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(saved(t, inMemory), saved(t, inFile)) {
		t.Error("an index with its vectors in a file saves another file")
	}
	loaded := mustLoad(t, mustSave(t, inFile), hnswlib.L2, dim, &hnswlib.Config{VectorsDir: dir})
	for _, q := range asked {
		if got, want := mustQuery(t, loaded, q, 10, nil), mustQuery(t, inMemory, q, 10, nil); len(got) != len(want) {
			t.Errorf("%d answers, want %d", len(got), len(want))
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the folder of vectors has %v, %v, want files without names", left, err)
	}
	m, err := inMemory.Stats()
	if err != nil {
		t.Fatal(err)
	}
	f, err := inFile.Stats()
	if err != nil || f.Bytes > m.Bytes-int64(n-100)*dim*4 {
		t.Errorf("Bytes = %d, %v, want %d less the vectors'", f.Bytes, err, m.Bytes)
	}
}

func TestVectorsInAFolderThatIsNone(t *testing.T) {
	_, err := hnswlib.New(hnswlib.L2, 4, &hnswlib.Config{VectorsDir: t.TempDir() + "/none"})
	if !errors.Is(err, hnswlib.ErrNoSpace) || !strings.Contains(err.Error(), "/none") {
		t.Errorf("New = %v, want ErrNoSpace that names the folder", err)
	}
}

func TestDropVectors(t *testing.T) {
	const n, dim, seed = 3000, 96, 102
	for _, q := range []hnswlib.Quantization{hnswlib.Int8, hnswlib.Int4} {
		for space, oracle := range oracles {
			rows := clustered(newRand(seed), n+50, dim)
			rows, asked := rows[:n], rows[n:]
			ix := newIndex(t, space, dim, &hnswlib.Config{Quantization: q})
			mustAdd(t, ix, rows, sequence(0, n))
			before, err := ix.Stats()
			if err != nil {
				t.Fatal(err)
			}
			if err := ix.DropVectors(); err != nil {
				t.Fatalf("%v, %v: DropVectors: %v", space, q, err)
			}
			if after, err := ix.Stats(); err != nil || after.Bytes > before.Bytes-n*dim*4 {
				t.Errorf("%v, %v: Bytes = %d, %v, want %d less the vectors'", space, q, after.Bytes, err, before.Bytes)
			}
			least := map[hnswlib.Quantization]float64{hnswlib.Int8: 0.85, hnswlib.Int4: 0.65}[q]
			if got := recallOf(t, ix, oracle, rows, asked, &hnswlib.Query{Ef: 200}); got < least {
				t.Errorf("seed %d: %v, %v: recall %.3f by codes alone, want %v", seed, space, q, got, least)
			}
			for _, l := range []uint64{0, n - 1} {
				items, err := ix.Items([]uint64{l})
				if err != nil || vec.Cosine(items[0], rows[l]) > 0.02 {
					t.Errorf("%v, %v: Items(%d) tells of a vector at %v from it, %v", space, q, l, vec.Cosine(items[0], rows[l]), err)
				}
			}
			if hits, err := ix.Within(asked[0], 1e9, nil); err != nil || len(hits) != n {
				t.Errorf("Within everything = %d, %v, want all %d", len(hits), err, n)
			}
			if err := ix.MarkDeleted([]uint64{3}); err != nil {
				t.Error(err)
			}
			_, upstream := ix.KNNQuery(asked[0], 1, &hnswlib.Query{Engine: hnswlib.Upstream})
			for what, err := range map[string]error{
				"Add":                  ix.Add(rows[0], []uint64{n}),
				"Compact":              ix.Compact(),
				"Save":                 ix.Save(t.TempDir() + "/index"),
				"KNNQuery by Upstream": upstream,
			} {
				if !errors.Is(err, hnswlib.ErrDropped) {
					t.Errorf("%s of an index without vectors = %v, want ErrDropped", what, err)
				}
			}
		}
	}
}

func TestVectorsWithoutCodesAreNotDropped(t *testing.T) {
	for name, cfg := range map[string]hnswlib.Config{"none": {Quantization: hnswlib.None}, "too few": {}} {
		ix := newIndex(t, hnswlib.L2, 4, &cfg)
		mustAdd(t, ix, clustered(newRand(1), 200, 4), sequence(0, 200))
		if err := ix.DropVectors(); !errors.Is(err, hnswlib.ErrConfig) {
			t.Errorf("%s: DropVectors = %v, want ErrConfig", name, err)
		}
	}
}
