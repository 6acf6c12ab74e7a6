package hnswlib_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/hnswlib"
)

// Offsets into upstream's header.
const (
	maxElementsAt = 8
	countAt       = 16
	headerBytes   = 96
)

// worn returns an index that has seen replacements and deletions.
func worn(t testing.TB, space hnswlib.Space, n, dim int, cfg *hnswlib.Config) *hnswlib.Index {
	t.Helper()
	ix := newIndex(t, space, dim, cfg)
	r := newRand(41)
	mustAdd(t, ix, clustered(r, n, dim), sequence(1000, n))
	mustAdd(t, ix, clustered(r, n/4, dim), sequence(1000, n/4)) // replaces
	if err := ix.MarkDeleted(sequence(1000+uint64(n/8), n/4)); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, ix, clustered(r, n/16, dim), sequence(1000+uint64(n/8), n/16)) // revives
	return ix
}

func TestSaveAndLoadKeepEverything(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		cfg  hnswlib.Config
	}{
		{"an empty index", 0, hnswlib.Config{}},
		{"one element", 1, hnswlib.Config{}},
		{"many", 1000, hnswlib.Config{}},
		{"many on many levels", 500, hnswlib.Config{M: 2, EfConstruction: 17, MaxElements: 4000}},
	} {
		for space := range oracles {
			t.Run(space.String()+"/"+tt.name, func(t *testing.T) {
				const dim = 12
				ix := worn(t, space, tt.n, dim, &tt.cfg)
				path := mustSave(t, ix)
				if info, err := os.Stat(path); err != nil || info.Size() != ix.FileSize() {
					t.Errorf("file: %v, %v, want %d bytes", info, err, ix.FileSize())
				}
				loaded := mustLoad(t, path, space, dim, nil)
				for range 2 {
					sameIndex(t, ix, loaded)
					// And both go on the same way, although one has forgotten its random state.
					for _, ix := range []*hnswlib.Index{ix, loaded} {
						mustAdd(t, ix, clustered(newRand(42), 50, dim), sequence(1, 50))
					}
				}
			})
		}
	}
}

func sameIndex(t *testing.T, a, b *hnswlib.Index) {
	t.Helper()
	facts := func(ix *hnswlib.Index) []int {
		return []int{ix.Len(), ix.DeletedLen(), ix.M(), ix.EfConstruction(), ix.Dim()}
	}
	if diff := cmp.Diff(facts(a), facts(b)); diff != "" {
		t.Errorf("Len, DeletedLen, M, EfConstruction, Dim (-saved +loaded):\n%s", diff)
	}
	if diff := cmp.Diff(a.Labels(), b.Labels()); diff != "" {
		t.Errorf("Labels (-saved +loaded):\n%s", diff)
	}
	for _, q := range clustered(newRand(43), 20, a.Dim()) {
		opt := &hnswlib.Query{Ef: 2000} // exact, as the graphs may differ
		if diff := cmp.Diff(queryAny(t, a, q, 10, opt), queryAny(t, b, q, 10, opt)); diff != "" {
			t.Fatalf("KNNQuery (-saved +loaded):\n%s", diff)
		}
	}
}

func TestLoadingAndSavingAgainGivesTheSameFile(t *testing.T) {
	ix := worn(t, hnswlib.L2, 300, 5, nil)
	first := saved(t, ix)
	loaded, err := hnswlib.Read(iotest.OneByteReader(bytes.NewReader(first)), int64(len(first)), hnswlib.L2, 5, nil)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	defer checkAndClose(t, loaded)
	if !bytes.Equal(first, saved(t, loaded)) {
		t.Error("the file differs after loading and saving it")
	}
	if err := loaded.UnmarkDeleted(ix.Labels()); err != nil {
		t.Error(err)
	}
}

func saved(t testing.TB, ix *hnswlib.Index) []byte {
	t.Helper()
	var b bytes.Buffer
	if n, err := ix.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo = %d, %v, wrote %d", n, err, b.Len())
	}
	return b.Bytes()
}

func load(file []byte, space hnswlib.Space, dim int) (*hnswlib.Index, error) {
	return hnswlib.Read(bytes.NewReader(file), int64(len(file)), space, dim, nil)
}

func TestLoadCapacity(t *testing.T) {
	file := saved(t, newIndex(t, hnswlib.L2, 1, &hnswlib.Config{MaxElements: 50}))
	for _, tt := range []struct {
		name string
		cfg  *hnswlib.Config
		want int
	}{
		{"comes from the file", nil, 50},
		{"may be raised", &hnswlib.Config{MaxElements: 80}, 80},
		{"may not be lowered", &hnswlib.Config{MaxElements: 20}, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ix, err := hnswlib.Read(bytes.NewReader(file), int64(len(file)), hnswlib.L2, 1, tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer checkAndClose(t, ix)
			if got := ix.MaxElements(); got != tt.want {
				t.Errorf("MaxElements() = %d, want %d", got, tt.want)
			}
		})
	}
	t.Run("stays fixed", func(t *testing.T) {
		cfg := &hnswlib.Config{FixedCapacity: true}
		ix, err := hnswlib.Read(bytes.NewReader(file), int64(len(file)), hnswlib.L2, 1, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer checkAndClose(t, ix)
		mustAdd(t, ix, clustered(newRand(1), 50, 1), sequence(0, 50))
		if err := ix.Add([]float32{1}, []uint64{50}); !errors.Is(err, hnswlib.ErrFull) {
			t.Errorf("Add beyond the file's capacity: %v, want %v", err, hnswlib.ErrFull)
		}
	})
}

func TestLoadRefuses(t *testing.T) {
	const dim = 3
	good := saved(t, worn(t, hnswlib.L2, 64, dim, &hnswlib.Config{M: 2}))
	row := int(binary.LittleEndian.Uint64(good[24:]))
	put := func(at int, v uint64) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint64(b[at:], v); return b }
	}
	put32 := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	for _, tt := range []struct {
		name   string
		damage func([]byte) []byte
		dim    int
		want   error
		says   string
	}{
		{"an empty file", func(b []byte) []byte { return nil }, dim, hnswlib.ErrCorrupt, "0 bytes"},
		{"half a header", func(b []byte) []byte { return b[:50] }, dim, hnswlib.ErrCorrupt, "50 bytes"},
		{"trailing bytes", func(b []byte) []byte { return append(b, 0) }, dim, hnswlib.ErrCorrupt, "1 bytes after the last element"},
		{"another dimension", nil, 4, hnswlib.ErrDimension, "the file has dimension 3, the index 4"},
		{"a count that the file cannot hold", put(countAt, 1<<40), dim, hnswlib.ErrCorrupt, "do not fit"},
		{"a count whose bytes overflow", put(countAt, math.MaxUint64/uint64(row)+2), dim, hnswlib.ErrCorrupt, "do not fit"},
		{"fewer elements allowed than there are (#673)", put(maxElementsAt, 3), dim, hnswlib.ErrCorrupt, "at most 3"},
		{"more elements allowed than can be", put(maxElementsAt, 1<<40), dim, hnswlib.ErrCorrupt, "at most"},
		{"a huge row", put(24, 1<<60), dim, hnswlib.ErrCorrupt, "row layout"},
		{"a label before the vector", put(32, 0), dim, hnswlib.ErrCorrupt, "row layout"},
		{"a negative top level", put32(48, 0xFFFFFFFF), dim, hnswlib.ErrCorrupt, "entry point"},
		{"an entry point that is not there", put32(52, 1<<30), dim, hnswlib.ErrCorrupt, "entry point"},
		{"M of one", put(72, 1), dim, hnswlib.ErrCorrupt, "M 1"},
		{"maxM not M", put(56, 3), dim, hnswlib.ErrCorrupt, "maxM 3"},
		{"a level factor of NaN", put(80, math.Float64bits(math.NaN())), dim, hnswlib.ErrCorrupt, "mult"},
		{"ef_construction of zero", put(88, 0), dim, hnswlib.ErrCorrupt, "ef_construction"},
		{"more links than there is room for", put32(headerBytes, 5), dim, hnswlib.ErrCorrupt, "5 links on level 0"},
		{"a delete mark of two", put32(headerBytes, 2<<16), dim, hnswlib.ErrCorrupt, "delete mark"},
		{"a link to nowhere", put32(headerBytes+4, 1<<31), dim, hnswlib.ErrCorrupt, "which is not there"},
		{"NaN in a vector", put32(headerBytes+20, math.Float32bits(float32(math.NaN()))), dim, hnswlib.ErrCorrupt, "not finite"},
		{"one label live twice", put(headerBytes+row*63-8, 1000+63), dim, hnswlib.ErrCorrupt, "both live under label 1063"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := slices.Clone(good)
			if tt.damage != nil {
				file = tt.damage(file)
			}
			ix, err := load(file, hnswlib.L2, tt.dim)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Load = %v, %v, want %v saying %q", ix, err, tt.want, tt.says)
			}
		})
	}
	t.Run("vectors that are not of unit length in cosine", func(t *testing.T) {
		if _, err := load(good, hnswlib.Cosine, dim); !errors.Is(err, hnswlib.ErrCorrupt) || !strings.Contains(err.Error(), "another space") {
			t.Errorf("Load: %v, want %v asking for the space", err, hnswlib.ErrCorrupt)
		}
	})
	t.Run("a reader that ends early", func(t *testing.T) {
		_, err := hnswlib.Read(bytes.NewReader(good), int64(len(good))+9, hnswlib.L2, dim, nil)
		if !errors.Is(err, hnswlib.ErrCorrupt) {
			t.Errorf("Read: %v, want %v", err, hnswlib.ErrCorrupt)
		}
	})
	t.Run("a reader that fails", func(t *testing.T) {
		_, err := hnswlib.Read(iotest.ErrReader(fs.ErrPermission), 500, hnswlib.L2, dim, nil)
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Read: %v, want %v", err, fs.ErrPermission)
		}
	})
	t.Run("a negative size", func(t *testing.T) {
		if _, err := hnswlib.Read(bytes.NewReader(good), -1, hnswlib.L2, dim, nil); !errors.Is(err, hnswlib.ErrConfig) {
			t.Errorf("Read: %v, want %v", err, hnswlib.ErrConfig)
		}
	})
}

// Upstream maps a label to its last slot, a tombstone or not (hnswalg.h L797):
// a file of its replace_deleted can have a live element before one.
func TestLiveElementWinsOverALaterTombstone(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 1, nil)
	mustAdd(t, ix, [][]float32{{1}, {2}}, []uint64{1, 2})
	if err := ix.MarkDeleted([]uint64{2}); err != nil {
		t.Fatal(err)
	}
	file := saved(t, ix)
	row := int(binary.LittleEndian.Uint64(file[24:]))
	binary.LittleEndian.PutUint64(file[headerBytes+2*row-8:], 1)
	got, err := load(file, hnswlib.L2, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer checkAndClose(t, got)
	if got.Len() != 1 || got.DeletedLen() != 0 || !got.Has(1) {
		t.Errorf("Len, DeletedLen, Has(1) = %d, %d, %v, want 1, 0, true", got.Len(), got.DeletedLen(), got.Has(1))
	}
	if n := mustQuery(t, got, []float32{2}, 5, nil); len(n) != 1 || n[0] != (hnswlib.Neighbor{Label: 1, Distance: 1}) {
		t.Errorf("KNNQuery = %v, want label 1 at distance 1", n)
	}
}

// use does to an index of dimension 3 what a program would.
func use(t *testing.T, ix *hnswlib.Index) {
	t.Helper()
	defer checkAndClose(t, ix)
	for _, k := range []int{1, 20} {
		if row := queryAny(t, ix, []float32{1, 2, 3}, k, &hnswlib.Query{Ef: 30}); len(row) != min(k, ix.Len()) {
			t.Errorf("KNNQuery(k %d) among %d: %d answers", k, ix.Len(), len(row))
		}
	}
	mustAdd(t, ix, [][]float32{{1, 2, 3}, {3, 2, 1}}, []uint64{1010, 5})
	if err := ix.MarkDeleted([]uint64{5}); err != nil {
		t.Error(err)
	}
	if _, err := ix.WriteTo(io.Discard); err != nil {
		t.Error(err)
	}
}

func TestTruncatedFilesAreCorrupt(t *testing.T) {
	file := saved(t, worn(t, hnswlib.L2, 64, 3, &hnswlib.Config{M: 2}))
	for n := 0; n < len(file); n += 64 {
		ix, err := load(file[:n], hnswlib.L2, 3)
		if !errors.Is(err, hnswlib.ErrCorrupt) {
			t.Errorf("the first %d of %d bytes: %v, %v, want %v", n, len(file), ix, err, hnswlib.ErrCorrupt)
		}
	}
}

func TestFlippedBytesGiveAnErrorOrAWorkingIndex(t *testing.T) {
	file := saved(t, worn(t, hnswlib.L2, 64, 3, &hnswlib.Config{M: 2}))
	refused := 0
	for at := range file {
		if testing.Short() && at >= headerBytes && at%13 != 0 {
			continue
		}
		for _, flip := range []byte{0xFF, 0x01, 0x80} {
			damaged := slices.Clone(file)
			damaged[at] ^= flip
			ix, err := load(damaged, hnswlib.L2, 3)
			if err != nil {
				if !errors.Is(err, hnswlib.ErrCorrupt) && !errors.Is(err, hnswlib.ErrDimension) {
					t.Errorf("byte %d flipped by %02x: %v", at, flip, err)
				}
				refused++
				continue
			}
			use(t, ix)
		}
	}
	t.Logf("%d of %d damaged files refused", refused, 3*len(file))
}

func FuzzLoad(f *testing.F) {
	for _, n := range []int{0, 1, 20} {
		f.Add(saved(f, worn(f, hnswlib.L2, n, 3, &hnswlib.Config{M: 2})))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		ix, err := load(file, hnswlib.L2, 3)
		if err != nil {
			return
		}
		use(t, ix)
	})
}

func TestLoadOfWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := hnswlib.Load(filepath.Join(dir, "absent"), hnswlib.L2, 2, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of an absent file: %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := hnswlib.Load(dir, hnswlib.L2, 2, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("Load of a folder: %v", err)
	}
}

func TestSaveWhereItCannot(t *testing.T) {
	ix := newIndex(t, hnswlib.L2, 2, nil)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a folder":                     dir,
		"a folder that is absent":      filepath.Join(dir, "absent", "x"),
		"a folder that is a file":      filepath.Join(file, "x"),
		"a device":                     "/dev/full",
		"a folder that takes no files": "/proc/x",
	} {
		if err := ix.Save(path); err == nil {
			t.Errorf("Save to %s succeeded", name)
		} else if _, ok := errors.AsType[*hnswlib.Error](err); !ok {
			t.Errorf("Save to %s: %#v, want *Error", name, err)
		}
	}
	if info, err := os.Stat("/dev/full"); err == nil && info.Mode().IsRegular() {
		t.Error("Save replaced a device")
	}
}

func TestSaveFollowsASymbolicLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	ix := newIndex(t, hnswlib.L2, 2, nil)
	mustAdd(t, ix, [][]float32{{1, 2}}, []uint64{3})
	if err := ix.Save(link); err != nil {
		t.Fatal(err)
	}
	if got, err := os.Readlink(link); got != target || err != nil {
		t.Errorf("the link is now %q, %v", got, err)
	}
	mustLoad(t, target, hnswlib.L2, 2, nil)
}
