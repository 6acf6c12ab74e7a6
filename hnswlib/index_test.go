package hnswlib_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
)

func TestWalkThrough(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 384, &hnswlib.Config{MaxElements: 200})
	v := gaussian(newRand(1), 384, 1)
	mustAdd(t, ix, [][]float32{v}, []uint64{42})
	loaded := mustLoad(t, mustSave(t, ix), hnswlib.L2, 384, nil)

	for name, ix := range map[string]*hnswlib.Index{"the new index": ix, "the loaded index": loaded} {
		t.Run(name, func(t *testing.T) {
			if got, want := ix.MaxElements(), 200; got != want {
				t.Errorf("MaxElements() = %d, want %d", got, want)
			}
			if got, want := ix.Len(), 1; got != want {
				t.Errorf("Len() = %d, want %d", got, want)
			}
			got := mustQuery(t, ix, v, 10, nil)
			if diff := cmp.Diff([]hnswlib.Neighbor{{Label: 42, Distance: 0}}, got); diff != "" {
				t.Errorf("KNNQuery (-want +got):\n%s", diff)
			}
			items, err := ix.Items([]uint64{42})
			if err != nil {
				t.Fatalf("Items: %v", err)
			}
			if diff := cmp.Diff([][]float32{v}, items); diff != "" {
				t.Errorf("Items (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewIndexHasUpstreamsDefaults(t *testing.T) {
	ix := newIndex(t, hnswlib.Cosine, 7, nil)
	got := []int{ix.M(), ix.EfConstruction(), ix.Ef(), ix.Dim(), ix.Len(), ix.DeletedLen(), int(ix.Space())}
	want := []int{16, 200, 10, 7, 0, 0, int(hnswlib.Cosine)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("M, EfConstruction, Ef, Dim, Len, DeletedLen, Space (-want +got):\n%s", diff)
	}
}

func TestConfigOutOfRange(t *testing.T) {
	for _, tt := range []struct {
		name  string
		space hnswlib.Space
		dim   int
		cfg   hnswlib.Config
		want  error
	}{
		{"an unknown space", 3, 4, hnswlib.Config{}, hnswlib.ErrConfig},
		{"a negative space", -1, 4, hnswlib.Config{}, hnswlib.ErrConfig},
		{"no dimension", hnswlib.L2, 0, hnswlib.Config{}, hnswlib.ErrConfig},
		{"a negative dimension", hnswlib.L2, -4, hnswlib.Config{}, hnswlib.ErrConfig},
		{"a huge dimension", hnswlib.L2, math.MaxInt, hnswlib.Config{}, hnswlib.ErrConfig},
		{"M of one, whose levels are infinite", hnswlib.L2, 4, hnswlib.Config{M: 1}, hnswlib.ErrConfig},
		{"negative M", hnswlib.L2, 4, hnswlib.Config{M: -1}, hnswlib.ErrConfig},
		{"M over what upstream takes", hnswlib.L2, 4, hnswlib.Config{M: 10001}, hnswlib.ErrConfig},
		{"negative ef_construction", hnswlib.L2, 4, hnswlib.Config{EfConstruction: -1}, hnswlib.ErrConfig},
		{"huge ef_construction", hnswlib.L2, 4, hnswlib.Config{EfConstruction: math.MaxInt}, hnswlib.ErrConfig},
		{"a negative capacity", hnswlib.L2, 4, hnswlib.Config{MaxElements: -1}, hnswlib.ErrConfig},
		{"more elements than upstream can count", hnswlib.L2, 4, hnswlib.Config{MaxElements: 1 << 31}, hnswlib.ErrConfig},
		{"a fixed capacity without a number", hnswlib.L2, 4, hnswlib.Config{FixedCapacity: true}, hnswlib.ErrConfig},
		{"an unknown quantization", hnswlib.L2, 4, hnswlib.Config{Quantization: 7}, hnswlib.ErrConfig},
		{"a negative quantization", hnswlib.L2, 4, hnswlib.Config{Quantization: -1}, hnswlib.ErrConfig},
		{"an unknown engine", hnswlib.L2, 4, hnswlib.Config{Engine: 9}, hnswlib.ErrConfig},
		{"a negative engine", hnswlib.L2, 4, hnswlib.Config{Engine: -1}, hnswlib.ErrConfig},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ix, err := hnswlib.New(tt.space, tt.dim, &tt.cfg)
			if !errors.Is(err, tt.want) {
				t.Errorf("New = %v, %v, want %v", ix, err, tt.want)
			}
		})
	}
}

func TestMoreThanTheMachineHasIsNoMemory(t *testing.T) {
	if underASan {
		t.Skip("AddressSanitizer aborts where malloc would return null: run without it")
	}
	_, err := hnswlib.New(hnswlib.L2, 1<<20, &hnswlib.Config{MaxElements: math.MaxInt32})
	if !errors.Is(err, hnswlib.ErrNoMemory) {
		t.Errorf("New of 9 petabytes: %v, want %v", err, hnswlib.ErrNoMemory)
	}
	ix := newIndex(t, hnswlib.L2, 1<<20, nil)
	if err := ix.Resize(math.MaxInt32); !errors.Is(err, hnswlib.ErrNoMemory) {
		t.Errorf("Resize to 9 petabytes: %v, want %v", err, hnswlib.ErrNoMemory)
	}
	mustAdd(t, ix, [][]float32{gaussian(newRand(1), 1<<20, 1)}, []uint64{1})
}

func TestSpaceNames(t *testing.T) {
	for _, s := range []hnswlib.Space{hnswlib.L2, hnswlib.InnerProduct, hnswlib.Cosine} {
		if got, err := hnswlib.ParseSpace(s.String()); got != s || err != nil {
			t.Errorf("ParseSpace(%q) = %v, %v, want %v", s.String(), got, err, s)
		}
	}
	if _, err := hnswlib.ParseSpace("euclid"); !errors.Is(err, hnswlib.ErrConfig) {
		t.Errorf("ParseSpace(euclid): %v, want %v", err, hnswlib.ErrConfig)
	}
}

func TestSetEf(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 2, nil)
	if err := ix.SetEf(77); err != nil || ix.Ef() != 77 {
		t.Errorf("SetEf(77) = %v, then Ef() = %d", err, ix.Ef())
	}
	if err := ix.SetEf(0); !errors.Is(err, hnswlib.ErrConfig) || ix.Ef() != 77 {
		t.Errorf("SetEf(0) = %v, then Ef() = %d, want %v and 77", err, ix.Ef(), hnswlib.ErrConfig)
	}
}

func TestErrorsAreOfTypeErrorAndNameTheOperation(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 2, nil)
	err := ix.MarkDeleted([]uint64{9})
	e, ok := errors.AsType[*hnswlib.Error](err)
	if !ok || e.Op != "mark deleted" {
		t.Fatalf("MarkDeleted: %#v, want *Error of mark deleted", err)
	}
	if want := "hnswlib: mark deleted: label not found: label 9"; err.Error() != want {
		t.Errorf("MarkDeleted: %q, want %q", err, want)
	}
}

func TestClosedIndex(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 2, nil)
	mustAdd(t, ix, [][]float32{{1, 2}}, []uint64{1})
	path := mustSave(t, ix)
	for range 2 {
		if err := ix.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	_, queryErr := ix.KNNQuery([]float32{1, 2}, 1, nil)
	_, itemsErr := ix.Items([]uint64{1})
	_, writeErr := ix.WriteTo(&strings.Builder{})
	for op, err := range map[string]error{
		"Add":           ix.Add([]float32{1, 2}, []uint64{2}),
		"Add nothing":   ix.Add(nil, nil),
		"KNNQuery":      queryErr,
		"Items":         itemsErr,
		"MarkDeleted":   ix.MarkDeleted([]uint64{1}),
		"UnmarkDeleted": ix.UnmarkDeleted([]uint64{1}),
		"SetEf":         ix.SetEf(5),
		"Save":          ix.Save(path),
		"WriteTo":       writeErr,
		"Compact":       ix.Compact(),
		"Check":         ix.Check(),
		"Resize":        ix.Resize(100),
	} {
		if !errors.Is(err, hnswlib.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", op, err, hnswlib.ErrClosed)
		}
	}
	if ix.Len() != 0 || ix.DeletedLen() != 0 || ix.MaxElements() != 0 || ix.FileSize() != 0 || ix.Has(1) || ix.Labels() != nil {
		t.Errorf("a closed index is not empty")
	}
	mustLoad(t, path, hnswlib.L2, 2, nil) // the failed Save left the file alone
	ix2 := newIndex(t, hnswlib.L2, 2, nil)
	if err := ix2.Add(nil, nil); err != nil {
		t.Errorf("Add of nothing: %v", err)
	}
}
