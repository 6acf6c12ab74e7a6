package hnswlib

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/minnow-search/minnow/csrc"
	"github.com/minnow-search/minnow/internal/durable"
)

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
		ix.fs = &durable.Faulty{At: int64(step), Err: diskFull}
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
