package durable

import (
	"os"
	"sync/atomic"
)

// Faulty is the operating system's files for tests: the operation of number At,
// counted from 0, fails with Err. A write that fails leaves half of its bytes,
// as a full disk does. With Forever, so do all that come after it.
type Faulty struct {
	OS
	At      int64
	Err     error
	Forever bool

	count atomic.Int64
}

// Reached reports whether there were enough operations for one to fail.
func (f *Faulty) Reached() bool { return f.count.Load() > f.At }

func (f *Faulty) fails() bool {
	n := f.count.Add(1) - 1
	return n == f.At || f.Forever && n > f.At
}

func (f *Faulty) Create(path string) (File, error) {
	if f.fails() {
		return nil, f.Err
	}
	w, err := f.OS.Create(path)
	return &faultyFile{w, f}, err
}

func (f *Faulty) Open(path string) (*os.File, error) {
	if f.fails() {
		return nil, f.Err
	}
	return f.OS.Open(path)
}

func (f *Faulty) ReadDir(path string) ([]os.DirEntry, error) {
	if f.fails() {
		return nil, f.Err
	}
	return f.OS.ReadDir(path)
}

func (f *Faulty) Rename(from, to string) error {
	if f.fails() {
		return f.Err
	}
	return f.OS.Rename(from, to)
}

func (f *Faulty) Remove(path string) error {
	if f.fails() {
		return f.Err
	}
	return f.OS.Remove(path)
}

func (f *Faulty) Mkdir(path string) error {
	if f.fails() {
		return f.Err
	}
	return f.OS.Mkdir(path)
}

func (f *Faulty) SyncDir(path string) error {
	if f.fails() {
		return f.Err
	}
	return f.OS.SyncDir(path)
}

type faultyFile struct {
	File
	fs *Faulty
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.fs.fails() {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, f.fs.Err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if f.fs.fails() {
		return f.fs.Err
	}
	return f.File.Sync()
}

func (f *faultyFile) Close() error {
	err := f.File.Close()
	if f.fs.fails() {
		return f.fs.Err
	}
	return err
}
