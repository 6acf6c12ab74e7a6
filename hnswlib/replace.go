package hnswlib

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// fileSystem is what Save needs of one, so that tests can make any step fail.
type fileSystem interface {
	Create(path string) (file, error) // fails if path exists
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(path string) error
}

type file interface {
	io.WriteCloser
	Sync() error
}

type osFS struct{}

func (osFS) Create(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
}
func (osFS) Rename(from, to string) error { return os.Rename(from, to) }
func (osFS) Remove(path string) error     { return os.Remove(path) }

func (osFS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// replaceFile makes write's output the content of path, wholly or not at all.
func replaceFile(fs fileSystem, path string, write func(io.Writer) error) error {
	// A symbolic link stays one, and a device or a pipe is not renamed over.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
		if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a regular file", path)
		}
	}
	dir, base := filepath.Split(path)
	temp := filepath.Join(dir, fmt.Sprintf(".%s.%016x.tmp", base, rand.Uint64()))
	f, err := fs.Create(temp)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	// Close even if that failed, and count its error: some file systems report
	// a full disk only here.
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fs.Rename(temp, path)
	}
	if err != nil {
		fs.Remove(temp) // best effort: the error at hand is the one that matters
		return err
	}
	return fs.SyncDir(filepath.Dir(path))
}
