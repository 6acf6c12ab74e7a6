package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/minnow-search/minnow/store"
)

func TestAReaderSeesWhatAWriterCommits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minnow.db")
	w := open(t, path, nil)
	put(t, w, doc("a", "one", 1))
	r := open(t, path, &store.Options{ReadOnly: true})
	if r.Len() != 1 || r.Sequence() != 1 {
		t.Errorf("Len(), Sequence() = %d, %d, want 1, 1", r.Len(), r.Sequence())
	}
	if changed, err := r.Refresh(t.Context()); changed || err != nil {
		t.Errorf("Refresh() = %v, %v of what did not change", changed, err)
	}
	put(t, w, doc("b", "two", 2))
	if changed, err := r.Refresh(t.Context()); !changed || err != nil {
		t.Errorf("Refresh() = %v, %v of what changed", changed, err)
	}
	if d, err := r.Get(t.Context(), "b"); err != nil || d.Text != "two" || r.Len() != 2 {
		t.Errorf("Get() = %v, %v and Len() = %d, want two and 2", d, err, r.Len())
	}
	for name, call := range map[string]func() error{
		"Put":         func() error { _, err := r.Put(t.Context(), []store.Document{doc("c", "x", 1)}); return err },
		"Delete":      func() error { _, err := r.Delete(t.Context(), []string{"a"}); return err },
		"SetSettings": func() error { return r.SetSettings(t.Context(), map[string]string{"a": "b"}) },
		"SetGraph":    func() error { return r.SetGraph(t.Context(), store.Graph{}) },
		"Compact":     func() error { return r.Compact(t.Context()) },
	} {
		if err := call(); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s of a reader = %v, want ErrReadOnly", name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context()); err != nil {
		t.Errorf("Check() after the writer closed = %v", err)
	}
}

// A read-only disk is played by permissions, which do not bind root.
func TestAFolderThatCannotBeWrittenIsRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "minnow.db")
	s := open(t, path, nil)
	put(t, s, doc("a", "one", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	r := open(t, path, &store.Options{ReadOnly: true})
	if d, err := r.Get(t.Context(), "a"); err != nil || d.Text != "one" {
		t.Errorf("Get() = %v, %v, want one", d, err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := r.Snapshot(t.Context(), copied); err != nil {
		t.Errorf("Snapshot() = %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || os.Geteuid() != 0 && len(entries) != 1 {
		t.Errorf("files after reading: %v, %v, want the database alone", entries, err)
	}
}

func TestAReaderNeedsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minnow.db")
	if s, err := store.Open(path, &store.Options{ReadOnly: true}); err == nil {
		s.Close()
		t.Error("Open of nothing to read = nil, want an error")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a reader made the file")
	}
}

func TestASnapshotIsTheStoreAtOneMoment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "minnow.db"), nil)
	put(t, s, withMetadata(doc("a", "one", 1), `{"n":1}`), doc("b", "two", 2))
	remove(t, s, "b")
	if err := s.SetSettings(t.Context(), map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy.db")
	if err := s.Snapshot(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	put(t, s, doc("c", "three", 3))
	c := open(t, copied, nil)
	if err := c.Check(t.Context()); err != nil || c.Len() != 1 || c.Sequence() != 2 {
		t.Errorf("the snapshot: Check() = %v, Len() = %d, Sequence() = %d, want nil, 1, 2", err, c.Len(), c.Sequence())
	}
	if got := put(t, c, doc("d", "four", 4)).Labels[0][0]; got != 3 {
		t.Errorf("the snapshot's next label is %d, want 3: 2 was given before", got)
	}
}

func TestCompactGivesRoomBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minnow.db")
	s := open(t, path, nil)
	var docs []store.Document
	var ids []string
	for i := range 500 {
		ids = append(ids, string(rune('A'+i)))
		docs = append(docs, doc(ids[i], "text", make([]float32, 384)...))
	}
	put(t, s, docs...)
	remove(t, s, ids[1:]...)
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 300_000 {
		t.Errorf("the file has %d bytes, %v, for one document", info.Size(), err)
	}
	if err := s.Check(t.Context()); err != nil || s.Len() != 1 {
		t.Errorf("Check() = %v, Len() = %d", err, s.Len())
	}
}
