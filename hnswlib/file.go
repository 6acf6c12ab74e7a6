package hnswlib

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minnow-search/minnow/csrc"
	"github.com/minnow-search/minnow/internal/durable"
)

// chunkBytes is how much of a file is in Go's hands at a time.
const chunkBytes = 256 << 10

// Save writes the index to path in upstream's own format, which Python's
// hnswlib 0.8.0 loads (upstream: save_index). A crash or an error at any moment
// leaves either the old file or the new one: it writes a temporary file in the
// same folder, syncs it, renames it over path and syncs the folder. Errors of
// the file system are wrapped. Queries go on meanwhile, changes wait.
//
// The file keeps neither the space nor ef nor the seed.
func (ix *Index) Save(path string) error {
	const op = "save"
	if err := ix.shared(op, func() *csrc.Error { return nil }); err != nil {
		return err
	}
	err := durable.Replace(ix.fs, path, func(w io.Writer) error {
		_, err := ix.WriteTo(w)
		return err
	})
	if _, ours := errors.AsType[*Error](err); err == nil || ours {
		return err
	}
	return &Error{Op: op, Err: err}
}

// WriteTo writes what Save would to w, and returns the number of bytes.
func (ix *Index) WriteTo(w io.Writer) (int64, error) {
	const op = "save"
	ix.gate.hold()
	defer ix.gate.release()
	ix.gate.share()
	defer ix.gate.unshare()
	if err := ix.usable(op); err != nil {
		return 0, err
	}
	from, cerr := ix.c.NewWriter(ix.capacity)
	if cerr != nil {
		return 0, failed(op, cerr)
	}
	defer from.Free()
	var written int64
	buf := make([]byte, chunkBytes)
	for {
		n, cerr := from.Read(buf)
		if cerr != nil {
			return written, failed(op, cerr)
		}
		if n == 0 {
			return written, nil
		}
		m, err := w.Write(buf[:n])
		written += int64(m)
		if err != nil {
			return written, &Error{Op: op, Err: err}
		}
	}
}

// FileSize returns the number of bytes that Save would write now (upstream:
// index_file_size). It is 0 for a closed index.
func (ix *Index) FileSize() int64 {
	ix.gate.share()
	defer ix.gate.unshare()
	if ix.usable("file size") != nil {
		return 0
	}
	return ix.c.FileBytes()
}

// Load reads a file that Save or upstream wrote (upstream: load_index). The
// whole of it is checked first: what contradicts itself is [ErrCorrupt], and
// memory is taken in proportion to the file's length and cfg.MaxElements, not
// to what its header claims.
//
// M and EfConstruction come from the file, and so does MaxElements unless cfg
// asks for more; cfg's seed is that of later adds. The file does not say which
// space it was built for. A dim other than the file's is [ErrDimension];
// vectors that are not of unit length cannot be a cosine index's and are
// ErrCorrupt; l2 and ip cannot be told apart: who saves must know.
func Load(path string, space Space, dim int, cfg *Config) (*Index, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, &Error{Op: "load", Err: err}
	}
	defer f.Close()
	return Read(f, size, space, dim, cfg)
}

// openRegular opens a file to load, whose size is known: no folder, device or pipe.
func openRegular(path string) (f *os.File, size int64, err error) {
	f, err = os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Read is Load from a reader that has exactly size bytes left.
func Read(r io.Reader, size int64, space Space, dim int, cfg *Config) (*Index, error) {
	const op = "load"
	config, err := cfg.withDefaults()
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	settings, err := config.settings(space, dim, max(1, config.MaxElements))
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	if size < 0 {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: size %d is negative", ErrConfig, size)}
	}
	l, cerr := csrc.NewLoader(settings, size)
	if cerr != nil {
		return nil, failed(op, cerr)
	}
	defer l.Free()
	buf := make([]byte, min(size, chunkBytes))
	for left := size; left > 0; {
		n, err := io.ReadFull(r, buf[:min(left, int64(len(buf)))])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, &Error{Op: op, Err: fmt.Errorf("%w: it ends %d bytes before its size %d",
				ErrCorrupt, left-int64(n), size)}
		}
		if err != nil {
			return nil, &Error{Op: op, Err: err}
		}
		if cerr := l.Feed(buf[:n]); cerr != nil {
			return nil, failed(op, cerr)
		}
		left -= int64(n)
	}
	c, capacity, cerr := l.Finish()
	if cerr != nil {
		return nil, failed(op, cerr)
	}
	return newIndex(c, space, dim, max(capacity, config.MaxElements, 1), config), nil
}
