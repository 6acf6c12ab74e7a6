// Package durable writes files so that a crash, a power cut or a full disk at
// any moment leaves either the old file or the new one.
package durable

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// FS is what is needed of a file system, so that tests can make any step fail.
// OS is the real one.
type FS interface {
	Create(path string) (File, error) // fails if path exists
	Open(path string) (*os.File, error)
	ReadDir(path string) ([]os.DirEntry, error)
	Rename(from, to string) error
	Remove(path string) error
	Mkdir(path string) error // for the owner alone
	SyncDir(path string) error
}

// File is a file that is being written.
type File interface {
	io.WriteCloser
	Sync() error
}

// OS is the operating system's files.
type OS struct{}

// Create makes a new file, readable as the process's umask says.
func (OS) Create(path string) (File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
}

// Open opens a file to read.
func (OS) Open(path string) (*os.File, error) { return os.Open(path) }

// ReadDir lists a folder.
func (OS) ReadDir(path string) ([]os.DirEntry, error) { return os.ReadDir(path) }

// Rename moves a file, over another if there is one.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file.
func (OS) Remove(path string) error { return os.Remove(path) }

// Mkdir makes a folder.
func (OS) Mkdir(path string) error { return os.Mkdir(path, 0o700) }

// SyncDir makes what happened to the names in a folder last.
func (OS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Replace makes write's output the content of path, wholly or not at all. A
// crash may leave a file named "." + the name + ".*.tmp".
func Replace(fs FS, path string, write func(io.Writer) error) error {
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

// MakeDir makes a folder and those above it, for the owner alone, so that they
// are still there after a power cut.
func MakeDir(fs FS, dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MakeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.Mkdir(dir); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return fs.SyncDir(parent)
}
