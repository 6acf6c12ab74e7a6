package hnswlib_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

func newBruteForce(t testing.TB, space hnswlib.Space, dim int, cfg *hnswlib.Config) *hnswlib.BruteForce {
	t.Helper()
	bf, err := hnswlib.NewBruteForce(space, dim, cfg)
	if err != nil {
		t.Fatalf("NewBruteForce(%v, %d, %+v): %v", space, dim, cfg, err)
	}
	t.Cleanup(func() { bf.Close() })
	return bf
}

func TestBruteForceAgreesWithTheOracle(t *testing.T) {
	const n, dim, seed = 500, 12, 101
	r := newRand(seed)
	rows := clustered(r, n, dim)
	for space, oracle := range oracles {
		bf := newBruteForce(t, space, dim, nil)
		if err := bf.Add(flatten(rows), sequence(0, n)); err != nil {
			t.Fatal(err)
		}
		if err := bf.Add(flatten(rows[:9]), sequence(0, 9)); err != nil {
			t.Fatal(err)
		}
		in, deleted := partition(sequence(0, n), func(l uint64) bool { return l%7 != 6 })
		if err := bf.Delete(append(deleted, deleted...)); err != nil { // twice is once
			t.Fatal(err)
		}
		if !slices.Equal(bf.Labels(), in) || bf.Len() != len(in) || bf.Has(6) || !bf.Has(5) {
			t.Fatalf("%v: Labels %v, Len %d after Delete, want %d", space, bf.Labels(), bf.Len(), len(in))
		}
		for name, f := range filters(n) {
			var want []uint64
			var wantRows [][]float32
			for _, l := range in {
				if f.in(l) {
					want, wantRows = append(want, l), append(wantRows, rows[l])
				}
			}
			for _, k := range []int{1, 10, n, math.MaxInt} { // k over all that match: bruteforce.h L108
				got, err := bf.KNNQuery(flatten(rows[:20]), k, &hnswlib.Query{Filter: f.filter, Threads: 2})
				if err != nil {
					t.Fatal(err)
				}
				for i, row := range got {
					checkRow(t, row, rows, rows[i], oracle)
					hits := vec.Nearest(oracle, wantRows, rows[i], k)
					if len(row) != len(hits) {
						t.Fatalf("%v, %s: KNNQuery(k %d) = %d answers, want %d", space, name, k, len(row), len(hits))
					}
					for j, hit := range hits {
						if math.Abs(hit.Distance-float64(row[j].Distance)) > 1e-4 {
							t.Fatalf("%v, %s: neighbour %d is %v, want %d at %v", space, name, j, row[j], want[hit.Row], hit.Distance)
						}
					}
				}
			}
		}
		seen := 0
		for l, v := range bf.All() {
			if d := oracle(v, rows[l]); space == hnswlib.L2 && d != 0 {
				t.Errorf("All: label %d has another vector", l)
			}
			seen++
		}
		if seen != len(in) {
			t.Errorf("All: %d labels, want %d", seen, len(in))
		}
	}
}

func TestBruteForceSavesAndLoads(t *testing.T) {
	const dim = 5
	rows := clustered(newRand(102), 300, dim)
	for _, n := range []int{0, 1, 300} {
		bf := newBruteForce(t, hnswlib.Cosine, dim, &hnswlib.Config{MaxElements: 310})
		if err := bf.Add(flatten(rows[:n]), sequence(5, n)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "flat")
		if err := bf.Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := hnswlib.LoadBruteForce(path, hnswlib.Cosine, dim, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		if !slices.Equal(got.Labels(), bf.Labels()) || got.MaxElements() != 310 || got.Dim() != dim || got.Space() != hnswlib.Cosine {
			t.Errorf("loaded: %d labels, MaxElements %d", got.Len(), got.MaxElements())
		}
		a, _ := bf.KNNQuery(flatten(rows), 5, nil)
		b, _ := got.KNNQuery(flatten(rows), 5, nil)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("KNNQuery (-saved +loaded):\n%s", diff)
		}
		// Upstream never rebuilds its labels on load (bruteforce.h L152): replacing and deleting would fail.
		if n > 1 {
			if err := errors.Join(got.Add(rows[9], []uint64{5}), got.Delete([]uint64{6})); err != nil || got.Len() != n-1 {
				t.Errorf("after loading: %v, Len() = %d, want %d", err, got.Len(), n-1)
			}
		}
	}
}

func TestBruteForceLoadRefuses(t *testing.T) {
	const dim = 3
	bf := newBruteForce(t, hnswlib.L2, dim, &hnswlib.Config{MaxElements: 6})
	if err := bf.Add(flatten(clustered(newRand(103), 4, dim)), sequence(0, 4)); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := bf.WriteTo(&file); err != nil {
		t.Fatal(err)
	}
	good := file.Bytes()
	read := func(b []byte, dim int) error {
		got, err := hnswlib.ReadBruteForce(bytes.NewReader(b), int64(len(b)), hnswlib.L2, dim, nil)
		if err == nil {
			defer got.Close()
			rows, err := got.KNNQuery(make([]float32, dim), 10, nil)
			if err != nil || len(rows[0]) != got.Len() {
				t.Errorf("a loaded index answers %v, %v", rows, err)
			}
		}
		return err
	}
	if err := read(good, dim); err != nil {
		t.Fatal(err)
	}
	if err := read(good, 4); !errors.Is(err, hnswlib.ErrDimension) {
		t.Errorf("another dimension: %v, want %v", err, hnswlib.ErrDimension)
	}
	for n := range good {
		if err := read(good[:n], dim); !errors.Is(err, hnswlib.ErrCorrupt) {
			t.Errorf("the first %d bytes: %v, want %v", n, err, hnswlib.ErrCorrupt)
		}
	}
	for at := range good {
		for _, flip := range []byte{0xFF, 1, 0x80} {
			b := slices.Clone(good)
			b[at] ^= flip
			if err := read(b, dim); err != nil && !errors.Is(err, hnswlib.ErrCorrupt) && !errors.Is(err, hnswlib.ErrDimension) {
				t.Errorf("byte %d flipped by %02x: %v", at, flip, err)
			}
		}
	}
	twice := slices.Clone(good)
	binary.LittleEndian.PutUint64(twice[24+2*20-8:], 0)
	if err := read(twice, dim); !errors.Is(err, hnswlib.ErrCorrupt) {
		t.Errorf("a label twice: %v, want %v", err, hnswlib.ErrCorrupt)
	}
}

func TestBruteForceErrors(t *testing.T) {
	nan := float32(math.NaN())
	bf := newBruteForce(t, hnswlib.Cosine, 2, &hnswlib.Config{MaxElements: 2, FixedCapacity: true})
	if err := bf.Add([]float32{1, 2}, []uint64{1}); err != nil {
		t.Fatal(err)
	}
	_, unknown := bf.Items([]uint64{2})
	_, k0 := bf.KNNQuery([]float32{1, 1}, 0, nil)
	_, zero := bf.KNNQuery([]float32{0, 0}, 1, nil)
	for what, tt := range map[string]struct{ got, want error }{
		"a float too many": {bf.Add([]float32{1, 2, 3}, []uint64{5}), hnswlib.ErrDimension},
		"NaN":              {bf.Add([]float32{1, nan}, []uint64{5}), hnswlib.ErrNotFinite},
		"a zero vector":    {bf.Add([]float32{0, 0}, []uint64{5}), hnswlib.ErrZeroVector},
		"a zero query":     {zero, hnswlib.ErrZeroVector},
		"a label twice":    {bf.Add([]float32{1, 2, 1, 2}, []uint64{5, 5}), hnswlib.ErrDuplicateLabel},
		"too many":         {bf.Add([]float32{1, 2, 1, 2}, []uint64{5, 6}), hnswlib.ErrFull},
		"deleting unknown": {bf.Delete([]uint64{1, 2}), hnswlib.ErrNotFound},
		"items of unknown": {unknown, hnswlib.ErrNotFound},
		"k of zero":        {k0, hnswlib.ErrConfig},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: %v, want %v", what, tt.got, tt.want)
		}
	}
	if got := bf.Labels(); !slices.Equal(got, []uint64{1}) {
		t.Errorf("Labels() = %v after failures, want [1]", got)
	}
	for range 2 {
		if err := bf.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	_, query := bf.KNNQuery([]float32{1, 2}, 1, nil)
	_, write := bf.WriteTo(io.Discard)
	for what, err := range map[string]error{
		"Add": bf.Add([]float32{1, 2}, []uint64{1}), "Delete": bf.Delete(nil), "KNNQuery": query, "WriteTo": write,
		"Save": bf.Save(filepath.Join(t.TempDir(), "x")),
	} {
		if !errors.Is(err, hnswlib.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", what, err, hnswlib.ErrClosed)
		}
	}
	if bf.Len() != 0 || bf.Has(1) || bf.Labels() != nil {
		t.Error("a closed index is not empty")
	}
}

func TestBruteForceFromManyGoroutines(t *testing.T) {
	const workers, steps, dim = 4, 100, 3
	bf := newBruteForce(t, hnswlib.L2, dim, nil)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := newRand(uint64(w))
			for i := range steps {
				label := uint64(w*steps + i)
				if err := bf.Add(flatten(clustered(r, 2, dim)), []uint64{label, uint64(w)<<40 | 1<<50}); err != nil {
					t.Error(err)
				}
				if rows, err := bf.KNNQuery(make([]float32, dim), 3, nil); err != nil || len(rows[0]) == 0 {
					t.Errorf("KNNQuery = %v, %v", rows, err)
				}
				if i%3 == 0 {
					if err := bf.Delete([]uint64{label}); err != nil {
						t.Error(err)
					}
				}
				if i%20 == 0 {
					if _, err := bf.WriteTo(io.Discard); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got, want := bf.Len(), workers*(steps-34+1); got != want {
		t.Errorf("Len() = %d, want %d", got, want)
	}
}

func ExampleBruteForce() {
	bf, err := hnswlib.NewBruteForce(hnswlib.L2, 1, nil)
	if err != nil {
		panic(err)
	}
	defer bf.Close()
	if err := bf.Add([]float32{1, 2, 3}, []uint64{1, 2, 3}); err != nil {
		panic(err)
	}
	if err := bf.Delete([]uint64{2}); err != nil {
		panic(err)
	}
	fmt.Println(bf.KNNQuery([]float32{2.5}, 5, nil))
	// Output:
	// [[{3 0.25} {1 2.25}]] <nil>
}
