package hnswlib

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/minnow-search/minnow/csrc"
)

// faultyFS fails its n-th operation, counting from 0, with err. A write that
// fails leaves half of its bytes, as a full disk does.
type faultyFS struct {
	osFS
	n   int
	err error
}

func (f *faultyFS) fails() bool {
	f.n--
	return f.n == -1
}

func (f *faultyFS) Create(path string) (file, error) {
	if f.fails() {
		return nil, f.err
	}
	w, err := f.osFS.Create(path)
	return &faultyFile{w, f}, err
}

func (f *faultyFS) Rename(from, to string) error {
	if f.fails() {
		return f.err
	}
	return f.osFS.Rename(from, to)
}

func (f *faultyFS) SyncDir(path string) error {
	if f.fails() {
		return f.err
	}
	return f.osFS.SyncDir(path)
}

type faultyFile struct {
	file
	fs *faultyFS
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.fs.fails() {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, f.fs.err
	}
	return f.file.Write(p)
}

func (f *faultyFile) Sync() error {
	if f.fs.fails() {
		return f.fs.err
	}
	return f.file.Sync()
}

func (f *faultyFile) Close() error {
	err := f.file.Close()
	if f.fs.fails() {
		return f.fs.err
	}
	return err
}

// L685: a full disk truncates silently, over the old file.
func TestHazard_SaveFailingAtAnyStepKeepsTheOldFile(t *testing.T) {
	diskFull := errors.New("no space left on device")
	dir := t.TempDir()
	path := filepath.Join(dir, "index.hnsw")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	ix, err := New(L2, 384, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	vecs, labels := make([]float32, 300*384), make([]uint64, 300)
	for i := range labels {
		labels[i], vecs[i*384] = uint64(i), float32(i)
	}
	if err := ix.Add(vecs, labels); err != nil {
		t.Fatal(err)
	}

	step := 0
	for ; ; step++ {
		ix.fs = &faultyFS{n: step, err: diskFull}
		err := ix.Save(path)
		if err == nil {
			break
		}
		if !errors.Is(err, diskFull) {
			t.Fatalf("step %d: Save: %v, want %v", step, err, diskFull)
		}
		content, _ := os.ReadFile(path)
		renamed := len(content) > 3 // only the sync of the folder comes later
		if !bytes.Equal(content, []byte("old")) && !renamed {
			t.Fatalf("step %d: the old file is %q", step, content)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Fatalf("step %d: left behind: %v", step, entries)
		}
	}
	if step < 6 {
		t.Errorf("Save succeeded with %d steps, want create, writes, sync, close, rename and sync of the folder", step)
	}
	loaded, err := Load(path, L2, 384, nil)
	if err != nil {
		t.Fatal(err)
	}
	loaded.Close()
}

// L1181: a failed insert leaves a label and a count behind.
func TestHazard_AFailedInsertPoisonsTheIndex(t *testing.T) {
	ix, err := New(L2, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	broken := func() *csrc.Error { return &csrc.Error{Code: csrc.Internal, Msg: "boom"} }

	if err := ix.shared("query", broken); !errors.Is(err, ErrInternal) {
		t.Errorf("a failing read: %v, want %v", err, ErrInternal)
	}
	if err := ix.Add([]float32{1}, []uint64{1}); err != nil {
		t.Errorf("Add after a failing read: %v", err)
	}
	if err := ix.change("add", broken); !errors.Is(err, ErrInternal) {
		t.Errorf("a failing change: %v, want %v", err, ErrInternal)
	}
	_, queryErr := ix.KNNQuery([]float32{1}, 1, nil)
	for op, err := range map[string]error{
		"Add": ix.Add([]float32{1}, []uint64{2}), "KNNQuery": queryErr, "Save": ix.Save(filepath.Join(t.TempDir(), "x")),
	} {
		if !errors.Is(err, ErrInternal) {
			t.Errorf("%s of the poisoned index: %v, want %v", op, err, ErrInternal)
		}
	}
	if err := ix.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
