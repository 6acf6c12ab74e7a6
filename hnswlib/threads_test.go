package hnswlib_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/vec"
)

// L1019, L1187: the generators of levels have no lock.
func TestHazard_ThreadsBuildAsGoodAGraphAsOne(t *testing.T) {
	const n, dim, k, seed = 3000, 24, 10, 81
	r := newRand(seed)
	rows := clustered(r, n+100, dim)
	rows, asked := rows[:n], rows[n:]
	for _, threads := range []int{1, 4} {
		ix := newIndex(t, hnswlib.L2, dim, &hnswlib.Config{Threads: threads, M: 8, EfConstruction: 60})
		for i := 0; i < n; i += 1000 {
			mustAdd(t, ix, rows[i:i+1000], sequence(uint64(i), 1000))
		}
		mustAdd(t, ix, rows[:500], sequence(0, 500)) // the same: no new slots
		if s, err := ix.Stats(); err != nil || s.Slots != n {
			t.Errorf("%d threads: %d slots, %v, want %d", threads, s.Slots, err, n)
		}
		items, err := ix.Items(sequence(0, n))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows, items); diff != "" {
			t.Fatalf("%d threads: a label has another's vector (-want +got):\n%s", threads, diff)
		}
		found := 0
		for _, q := range asked {
			got := labelsOf(mustQuery(t, ix, q, k, &hnswlib.Query{Ef: 40}))
			for _, hit := range vec.Nearest(vec.L2, rows, q, k) {
				if slices.Contains(got, uint64(hit.Row)) {
					found++
				}
			}
		}
		if recall := float64(found) / float64(k*len(asked)); recall < 0.93 {
			t.Errorf("seed %d, %d threads: recall %.3f, want 0.93", seed, threads, recall)
		}
	}
}

func TestThreadsReplaceReviveAndRebuild(t *testing.T) {
	const n, dim, seed = 600, 8, 82
	r := newRand(seed)
	ix := newIndex(t, hnswlib.Cosine, dim, &hnswlib.Config{Threads: 4, M: 6, EfConstruction: 30})
	var rows [][]float32
	for range 5 { // several rebuilds, on threads too
		rows = clustered(r, n, dim)
		mustAdd(t, ix, rows, sequence(0, n))
		if err := ix.MarkDeleted(sequence(0, 50)); err != nil {
			t.Fatal(err)
		}
		if ix.Len() != n-50 || ix.DeletedLen() != 50 {
			t.Fatalf("Len, DeletedLen = %d, %d, want %d, 50", ix.Len(), ix.DeletedLen(), n-50)
		}
	}
	for i, row := range rows[50:] {
		if got := mustQuery(t, ix, row, 1, &hnswlib.Query{Ef: n}); got[0].Label != uint64(50+i) {
			t.Fatalf("seed %d: nearest to vector %d is %v", seed, 50+i, got)
		}
	}
}

func TestBatchOnThreadsAnswersAsOneDoes(t *testing.T) {
	const n, dim, k = 1000, 8, 7
	rows := clustered(newRand(83), n, dim)
	ix := newIndex(t, hnswlib.InnerProduct, dim, nil)
	mustAdd(t, ix, rows, sequence(0, n))
	queries := flatten(rows)
	one, err := ix.KNNQuery(queries, k, &hnswlib.Query{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	many, err := ix.KNNQuery(queries, k, &hnswlib.Query{Threads: 5})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, many); diff != "" {
		t.Errorf("KNNQuery (-1 thread +5 threads):\n%s", diff)
	}
	for _, threads := range []int{1, 5} {
		out, counts := make([]hnswlib.Neighbor, n*k), make([]uint32, n)
		if err := ix.KNNQueryInto(queries, k, out, counts, &hnswlib.Query{Threads: threads}); err != nil {
			t.Fatal(err)
		}
		for i, row := range one {
			if !slices.Equal(row, out[i*k:i*k+int(counts[i])]) {
				t.Fatalf("%d threads: KNNQueryInto, query %d = %v, want %v", threads, i, out[i*k:(i+1)*k], row)
			}
		}
	}
	queries[500*dim] = float32(math.NaN())
	if _, err := ix.KNNQuery(queries, k, &hnswlib.Query{Threads: 5}); !errors.Is(err, hnswlib.ErrNotFinite) {
		t.Errorf("KNNQuery with NaN on threads: %v, want %v", err, hnswlib.ErrNotFinite)
	}
}

func TestThreadsSetting(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	if got := ix.Threads(); got != runtime.GOMAXPROCS(0) {
		t.Errorf("Threads() = %d, want all cores", got)
	}
	if err := ix.SetThreads(3); err != nil || ix.Threads() != 3 {
		t.Errorf("SetThreads(3) = %v, then Threads() = %d", err, ix.Threads())
	}
	if err := ix.SetThreads(-1); !errors.Is(err, hnswlib.ErrConfig) {
		t.Errorf("SetThreads(-1): %v, want %v", err, hnswlib.ErrConfig)
	}
	if _, err := ix.KNNQuery(nil, 1, &hnswlib.Query{Threads: -1}); !errors.Is(err, hnswlib.ErrConfig) {
		t.Errorf("KNNQuery on -1 threads: %v, want %v", err, hnswlib.ErrConfig)
	}
	if _, err := hnswlib.New(hnswlib.L2, 1, &hnswlib.Config{Threads: -1}); !errors.Is(err, hnswlib.ErrConfig) {
		t.Errorf("New with -1 threads: %v, want %v", err, hnswlib.ErrConfig)
	}
}

func TestContextEndsALongAddBetweenSlices(t *testing.T) {
	const n, dim = 3000, 64
	ix := newIndex(t, hnswlib.L2, dim, nil)
	rows := clustered(newRand(84), n, dim)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- ix.AddContext(ctx, flatten(rows), sequence(0, n)) }()
	for ix.Len() == 0 {
		runtime.Gosched()
	}
	cancel()
	err := <-done
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "of 3000 vectors are in") {
		t.Errorf("AddContext: %v, want %v with the numbers", err, context.Canceled)
	}
	in := ix.Len()
	if in == 0 || in == n || !slices.Equal(ix.Labels(), sequence(0, in)) {
		t.Errorf("%d vectors are in, want the first of them", in)
	}
	if err := ix.AddContext(ctx, flatten(rows[:1]), sequence(9000, 1)); !errors.Is(err, context.Canceled) || ix.Has(9000) {
		t.Errorf("AddContext that is done at once: %v, Has %v, want %v and nothing added", err, ix.Has(9000), context.Canceled)
	}
	mustAdd(t, ix, rows, sequence(0, n))
}

func TestAutomaticLabels(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	add := func(n int, want ...uint64) {
		t.Helper()
		got, err := ix.AddAuto(make([]float32, n))
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("AddAuto(%d vectors) = %v, %v, want %v", n, got, err, want)
		}
	}
	add(0)
	add(2, 0, 1)
	add(1, 2)
	mustAdd(t, ix, [][]float32{{1}, {2}}, []uint64{10, 5})
	add(1, 11)
	if err := ix.MarkDeleted([]uint64{11}); err != nil {
		t.Fatal(err)
	}
	if err := ix.Compact(); err != nil {
		t.Fatal(err)
	}
	add(1, 12)
	mustAdd(t, ix, [][]float32{{1}}, []uint64{math.MaxUint64 - 1})
	if _, err := ix.AddAuto([]float32{1, 2}); !errors.Is(err, hnswlib.ErrFull) || !strings.Contains(err.Error(), "1 labels are left") {
		t.Errorf("AddAuto of two where one label is left: %v, want %v with the numbers", err, hnswlib.ErrFull)
	}
	add(1, math.MaxUint64)
	if _, err := ix.AddAuto([]float32{1}); !errors.Is(err, hnswlib.ErrFull) {
		t.Errorf("AddAuto after the last label: %v, want %v", err, hnswlib.ErrFull)
	}
	loaded := mustLoad(t, mustSave(t, ix), hnswlib.L2, 1, nil)
	if _, err := loaded.AddAuto([]float32{1}); !errors.Is(err, hnswlib.ErrFull) {
		t.Errorf("AddAuto after loading the last label: %v, want %v", err, hnswlib.ErrFull)
	}
	two := newIndex(t, hnswlib.L2, 2, nil)
	if _, err := two.AddAuto([]float32{1}); !errors.Is(err, hnswlib.ErrDimension) {
		t.Errorf("AddAuto of half a vector: %v, want %v", err, hnswlib.ErrDimension)
	}
}

func TestReplaceDeletedGivesThePlaceOfDeletedLabels(t *testing.T) {
	const n = 4
	ix := newIndex(t, hnswlib.L2, 1, &hnswlib.Config{MaxElements: n, FixedCapacity: true, ReplaceDeleted: true})
	mustAdd(t, ix, [][]float32{{0}, {1}, {2}, {3}}, sequence(0, n))
	if err := ix.Add([]float32{9}, []uint64{9}); !errors.Is(err, hnswlib.ErrFull) {
		t.Fatalf("Add with nothing deleted: %v, want %v", err, hnswlib.ErrFull)
	}
	if err := ix.MarkDeleted([]uint64{2, 3}); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, ix, [][]float32{{3}}, []uint64{3}) // comes back, takes nobody's place
	if err := ix.MarkDeleted([]uint64{3}); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, ix, [][]float32{{9}}, []uint64{9})
	if ix.Len() != 3 || ix.DeletedLen() != 1 {
		t.Errorf("Len, DeletedLen = %d, %d, want 3, 1", ix.Len(), ix.DeletedLen())
	}
	if err := ix.UnmarkDeleted([]uint64{2}); !errors.Is(err, hnswlib.ErrNotFound) {
		t.Errorf("UnmarkDeleted of the forgotten label: %v, want %v", err, hnswlib.ErrNotFound)
	}
	if err := ix.UnmarkDeleted([]uint64{3}); err != nil {
		t.Errorf("UnmarkDeleted of the deleted one: %v", err)
	}
	for i := range 3000 { // a queue of four
		first := uint64(i)
		if i > 0 {
			first = 99 + uint64(i)
		}
		if err := ix.MarkDeleted([]uint64{first}); err != nil {
			t.Fatal(err)
		}
		mustAdd(t, ix, [][]float32{{float32(i)}}, []uint64{100 + uint64(i)})
		if ix.Len() != 4 {
			t.Fatalf("Len() = %d, want 4", ix.Len())
		}
	}
	if s, err := ix.Stats(); err != nil || s.Slots > 1000 {
		t.Errorf("%d slots, %v, want leftovers to be bounded", s.Slots, err)
	}
	mustLoad(t, mustSave(t, ix), hnswlib.L2, 1, nil)
}

func TestKNNQueryIntoAllocatesNothing(t *testing.T) {
	const dim, k = 16, 10
	for space := range oracles {
		ix := newIndex(t, space, dim, nil)
		rows := clustered(newRand(85), 500, dim)
		mustAdd(t, ix, rows, sequence(0, len(rows)))
		out, counts := make([]hnswlib.Neighbor, k), make([]uint32, 1)
		opt := &hnswlib.Query{Ef: 20, Filter: hnswlib.Deny([]uint64{3})}
		if n := testing.AllocsPerRun(100, func() {
			if err := ix.KNNQueryInto(rows[3], k, out, counts, opt); err != nil || counts[0] != k {
				t.Errorf("KNNQueryInto: %v, %d answers", err, counts[0])
			}
		}); n != 0 {
			t.Errorf("%v: KNNQueryInto allocates %v times, want 0", space, n)
		}
	}
}

func TestKNNQueryIntoWantsRoom(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	mustAdd(t, ix, [][]float32{{1}, {2}}, []uint64{1, 2})
	for _, tt := range []struct{ queries, k, out, counts int }{
		{1, 2, 1, 1}, {1, 2, 3, 1}, {1, 2, 4, 1}, {1, 2, 2, 0}, {2, 2, 4, 1}, {1, math.MaxInt, 1, 1},
	} {
		err := ix.KNNQueryInto(make([]float32, tt.queries), tt.k, make([]hnswlib.Neighbor, tt.out), make([]uint32, tt.counts), nil)
		if !errors.Is(err, hnswlib.ErrConfig) {
			t.Errorf("%+v: %v, want %v", tt, err, hnswlib.ErrConfig)
		}
	}
	out, counts := make([]hnswlib.Neighbor, 5), []uint32{9}
	if err := ix.KNNQueryInto([]float32{1}, 5, out, counts, nil); err != nil || counts[0] != 2 || out[0].Label != 1 {
		t.Errorf("KNNQueryInto(k 5) of two = %v, %v, %v", out, counts, err)
	}
}
