package hnswlib_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/hnswlib"
)

// Known traps of hnswlib 0.8.0, a test each. Lines are of hnswalg.h unless
// another file is named, numbers with # are issues of nmslib/hnswlib. Those that
// need a look from within are in ../csrc/test/driver.cc, which the sanitizers
// watch: L277 (a prefetch reads past upper lists), L1187 and L1197 (races of two
// additions), and the ABI's exceptions.

// hazardIndex has labels 0 to n-1 at 0 to n-1 on a line.
func hazardIndex(t *testing.T, n int, cfg *hnswlib.Config) *hnswlib.Index {
	t.Helper()
	ix := newIndex(t, hnswlib.L2, 1, cfg)
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = []float32{float32(i)}
	}
	mustAdd(t, ix, rows, sequence(0, n))
	return ix
}

// wantLabels asks for everything, and wants these labels, once each.
func wantLabels(t *testing.T, ix *hnswlib.Index, want []uint64) {
	t.Helper()
	got := labelsOf(queryAny(t, ix, []float32{0}, 1000, nil))
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("answers are %v, want %v", got, want)
	}
	if !slices.Equal(ix.Labels(), want) || ix.Len() != len(want) {
		t.Errorf("Labels() = %v, Len() = %d, want %v", ix.Labels(), ix.Len(), want)
	}
}

// L967-990: with replace_deleted a live label gets a second node (#487, #541).
func TestHazard_ReplaceOfALiveLabelLeavesNoDuplicate(t *testing.T) {
	ix := hazardIndex(t, 3, &hnswlib.Config{ReplaceDeleted: true})
	if err := ix.MarkDeleted([]uint64{0}); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, ix, [][]float32{{9}}, []uint64{1})
	wantLabels(t, ix, []uint64{1, 2})
	if err := ix.MarkDeleted([]uint64{1}); err != nil {
		t.Errorf("MarkDeleted of the replaced label: %v", err)
	}
	wantLabels(t, ix, []uint64{2})
}

// L985: the label of a reused node is unmapped, even if it lives elsewhere by then.
func TestHazard_ALabelThatMovedOnKeepsItsMapping(t *testing.T) {
	ix := hazardIndex(t, 3, &hnswlib.Config{ReplaceDeleted: true, MaxElements: 3, FixedCapacity: true})
	for _, step := range []error{
		ix.MarkDeleted([]uint64{0}), ix.Add([]float32{5}, []uint64{3}), // 3 takes 0's place
		ix.MarkDeleted([]uint64{1}), ix.Add([]float32{6}, []uint64{0}), // 0 comes back in 1's place
		ix.MarkDeleted([]uint64{2}), ix.Add([]float32{7}, []uint64{1}), // and 1 in 2's
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	wantLabels(t, ix, []uint64{0, 1, 3})
	if items, err := ix.Items([]uint64{0, 1, 3}); err != nil || items[0][0] != 6 || items[1][0] != 7 || items[2][0] != 5 {
		t.Errorf("Items = %v, %v, want 6, 7, 5", items, err)
	}
}

// L797: loading maps a label to its last slot, tombstones included.
func TestHazard_ALiveLabelIsNotATombstoneAfterReload(t *testing.T) {
	ix := hazardIndex(t, 3, nil)
	mustAdd(t, ix, [][]float32{{8}}, []uint64{1})
	if err := ix.MarkDeleted([]uint64{2}); err != nil {
		t.Fatal(err)
	}
	wantLabels(t, mustLoad(t, mustSave(t, ix), hnswlib.L2, 1, nil), []uint64{0, 1})
}

// L1162: with replace enabled, an add of a tombstoned label throws.
func TestHazard_ADeletedLabelCanBeAddedAgainWithReplaceDeleted(t *testing.T) {
	ix := hazardIndex(t, 2, &hnswlib.Config{ReplaceDeleted: true})
	if err := ix.MarkDeleted([]uint64{1}); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, ix, [][]float32{{4}}, []uint64{1})
	wantLabels(t, ix, []uint64{0, 1})
}

// L980, comment at L892: replacing beside an undelete of the same label is unsafe.
func TestHazard_ReplaceBesideUndeleteIsSafe(t *testing.T) {
	ix := hazardIndex(t, 50, &hnswlib.Config{ReplaceDeleted: true})
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := range 100 {
				l := []uint64{uint64(i % 5)}
				var err error
				switch w {
				case 0:
					err = ix.MarkDeleted(l)
				case 1:
					err = ix.UnmarkDeleted(l)
				default:
					err = ix.Add([]float32{float32(i)}, l)
				}
				if err != nil && !errors.Is(err, hnswlib.ErrDeleted) && !errors.Is(err, hnswlib.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := ix.UnmarkDeleted(sequence(0, 5)); err != nil {
		t.Error(err)
	}
	wantLabels(t, ix, sequence(0, 50))
}

// #652: label_lookup_ and the counts include tombstones; and getDataByLabel does
// not tell a deleted label from an absent one.
func TestHazard_TombstonesAreNotCounted(t *testing.T) {
	ix := hazardIndex(t, 4, nil)
	if err := ix.MarkDeleted([]uint64{3}); err != nil {
		t.Fatal(err)
	}
	wantLabels(t, ix, []uint64{0, 1, 2})
	_, deleted := ix.Items([]uint64{3})
	_, absent := ix.Items([]uint64{4})
	if !errors.Is(deleted, hnswlib.ErrDeleted) || !errors.Is(absent, hnswlib.ErrNotFound) {
		t.Errorf("Items: %v and %v, want %v and %v", deleted, absent, hnswlib.ErrDeleted, hnswlib.ErrNotFound)
	}
}

// L291, L524, L1248: what is added after everything was deleted has no live
// neighbours, and back() of an empty vector is taken.
func TestHazard_AddsAfterAllIsDeleted(t *testing.T) {
	ix := hazardIndex(t, 300, &hnswlib.Config{M: 2, EfConstruction: 2})
	if err := ix.MarkDeleted(sequence(0, 300)); err != nil {
		t.Fatal(err)
	}
	wantLabels(t, ix, []uint64{})
	mustAdd(t, ix, [][]float32{{1.5}, {2.5}}, []uint64{500, 501})
	wantLabels(t, ix, []uint64{500, 501})
}

// #341, #352: exact duplicates fragment the graph. #244 and five more: fewer
// than k come back, and Python throws.
func TestHazard_DuplicateVectorsGiveFullAnswers(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, &hnswlib.Config{M: 2})
	mustAdd(t, ix, slices.Repeat([][]float32{{1}}, 700), sequence(0, 700))
	for _, k := range []int{1, 100, 700} {
		if got := mustQuery(t, ix, []float32{1}, k, nil); len(got) != k {
			t.Errorf("KNNQuery(k %d) = %d answers", k, len(got))
		}
	}
	if s, err := ix.Stats(); err != nil || s.Unreachable == 0 {
		t.Logf("no duplicate is cut off here: %+v, %v", s, err)
	}
}

// L353, L395: a selective filter makes the walk visit nearly everything, and
// still come back short.
func TestHazard_SelectiveFiltersAreExact(t *testing.T) {
	ix := hazardIndex(t, 2000, nil)
	for _, l := range []uint64{0, 999, 1999} {
		got := mustQuery(t, ix, []float32{1000}, 10, &hnswlib.Query{Filter: hnswlib.Allow([]uint64{l})})
		if len(got) != 1 || got[0].Label != l {
			t.Errorf("KNNQuery filtered to %d = %v", l, got)
		}
	}
}

// L362, L1182, L1284: a search beside the first add reads element -1, one beside
// any add reads links that are being written (#29 and five more).
func TestHazard_QueriesBesideTheFirstAdds(t *testing.T) {
	for range 50 {
		ix := newIndex(t, hnswlib.L2, 1, &hnswlib.Config{MaxElements: 1})
		var wg sync.WaitGroup
		wg.Go(func() { mustAdd(t, ix, [][]float32{{1}, {2}, {3}}, []uint64{1, 2, 3}) })
		for range 3 {
			wg.Go(func() { queryAny(t, ix, []float32{1}, 2, nil) })
		}
		wg.Wait()
	}
}

// #420: a label twice in a batch can deadlock.
func TestHazard_ALabelTwiceInABatch(t *testing.T) {
	ix := hazardIndex(t, 1, &hnswlib.Config{Threads: 4})
	if err := ix.Add(make([]float32, 600), slices.Repeat([]uint64{7}, 600)); !errors.Is(err, hnswlib.ErrDuplicateLabel) {
		t.Errorf("Add: %v, want %v", err, hnswlib.ErrDuplicateLabel)
	}
	wantLabels(t, ix, []uint64{0})
}

// L633: a resize excludes everything else, and resize(0) frees twice.
func TestHazard_ResizeBesideQueriesAndToZero(t *testing.T) {
	empty := newIndex(t, hnswlib.L2, 1, nil)
	if err := empty.Resize(0); !errors.Is(err, hnswlib.ErrConfig) {
		t.Errorf("Resize(0): %v, want %v", err, hnswlib.ErrConfig)
	}
	ix := hazardIndex(t, 100, nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range 50 {
			if err := ix.Resize(100 + n%7*100); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range 200 {
			mustQuery(t, ix, []float32{50}, 10, nil)
		}
	})
	wg.Wait()
}

// L142, L210, L524: M of 1 makes an infinite level, M of 0 takes back() of an
// empty vector.
func TestHazard_MTooSmall(t *testing.T) {
	if _, err := hnswlib.New(hnswlib.L2, 1, &hnswlib.Config{M: 1}); !errors.Is(err, hnswlib.ErrConfig) {
		t.Errorf("New with M 1: %v, want %v", err, hnswlib.ErrConfig)
	}
}

// L716-822, #673, #295: loadIndex believes the header.
func TestHazard_LoadBelievesNothing(t *testing.T) {
	file := saved(t, hazardIndex(t, 20, nil))
	for _, at := range []int{0, 8, 16, 24, 32, 40, 48, 52, 56, 64, 72, 80, 88} {
		for _, v := range []uint64{0, 1, 1 << 31, 1 << 40, math.MaxUint64} {
			bad := slices.Clone(file)
			if at == 48 || at == 52 {
				binary.LittleEndian.PutUint32(bad[at:], uint32(v))
			} else {
				binary.LittleEndian.PutUint64(bad[at:], v)
			}
			ix, err := load(bad, hnswlib.L2, 1)
			if err == nil {
				wantLabels(t, ix, sequence(0, 20))
				checkAndClose(t, ix)
			} else if !errors.Is(err, hnswlib.ErrCorrupt) && !errors.Is(err, hnswlib.ErrDimension) {
				t.Errorf("header byte %d = %d: %v", at, v, err)
			}
		}
	}
}

// L795: ef is not in the file and is 10 after loading, as the doc says.
func TestHazard_EfIsNotSaved(t *testing.T) {
	ix := hazardIndex(t, 3, nil)
	if err := ix.SetEf(77); err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, mustSave(t, ix), hnswlib.L2, 1, nil).Ef(); got != 10 {
		t.Errorf("Ef() = %d, want 10", got)
	}
}

// bruteforce.h L94-97, #382: removing the last element brings its label back.
func TestHazard_BruteForceForgetsTheLastLabel(t *testing.T) {
	bf := newBruteForce(t, hnswlib.L2, 1, nil)
	if err := errors.Join(bf.Add([]float32{1, 2}, []uint64{1, 2}), bf.Delete([]uint64{2})); err != nil {
		t.Fatal(err)
	}
	if bf.Has(2) || bf.Len() != 1 {
		t.Errorf("Has(2) = %v, Len() = %d", bf.Has(2), bf.Len())
	}
	if err := bf.Delete([]uint64{2}); !errors.Is(err, hnswlib.ErrNotFound) {
		t.Errorf("Delete again: %v, want %v", err, hnswlib.ErrNotFound)
	}
}

// bruteforce.h L118-121, #514, #597: a filter loses hits if the first k rows do not pass.
func TestHazard_BruteForceFiltersLoseNothing(t *testing.T) {
	bf := newBruteForce(t, hnswlib.L2, 1, nil)
	if err := bf.Add([]float32{0, 0.1, 5, 4, 3}, sequence(0, 5)); err != nil {
		t.Fatal(err)
	}
	rows, err := bf.KNNQuery([]float32{0}, 2, &hnswlib.Query{Filter: hnswlib.Deny([]uint64{0, 1})})
	if err != nil || !slices.Equal(labelsOf(rows[0]), []uint64{4, 3}) {
		t.Errorf("KNNQuery = %v, %v, want 4 and 3", rows, err)
	}
}

// stop_condition.h L175-211: equally near documents are miscounted.
func TestHazard_DocumentsEquallyNearAreCounted(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	mustAdd(t, ix, slices.Repeat([][]float32{{1}}, 300), sequence(0, 300))
	got, err := ix.KNNQueryDocuments([]float32{1}, 50, func(l uint64) uint64 { return l % 60 }, nil)
	if err != nil || len(got) != 50 {
		t.Errorf("KNNQueryDocuments = %d documents, %v, want 50", len(got), err)
	}
}
