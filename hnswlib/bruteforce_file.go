package hnswlib

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/minnow-search/minnow/csrc"
	"github.com/minnow-search/minnow/internal/durable"
)

// flatHeader is how a file of upstream's brute-force index begins (bruteforce.h
// L136-138). MaxElements rows follow, a vector and a label each, of which the
// first Count mean something.
type flatHeader struct {
	MaxElements, RowBytes, Count uint64
}

const flatHeaderBytes = 24

// Save writes the index to path in upstream's own format (upstream: save_index),
// as safely as [Index.Save]. The file has room for MaxElements rows, as
// upstream's loader wants it; those that are free are zeros.
func (bf *BruteForce) Save(path string) error {
	if err := bf.shared("save", func() error { return nil }); err != nil {
		return err
	}
	err := durable.Replace(bf.fs, path, func(w io.Writer) error {
		_, err := bf.WriteTo(w)
		return err
	})
	if _, ours := errors.AsType[*Error](err); err == nil || ours {
		return err
	}
	return &Error{Op: "save", Err: err}
}

// WriteTo writes what Save would to w, and returns the number of bytes. Queries
// go on meanwhile, changes wait.
func (bf *BruteForce) WriteTo(w io.Writer) (int64, error) {
	const op = "save"
	bf.writeMu.Lock()
	defer bf.writeMu.Unlock()
	var written int64
	err := bf.shared(op, func() error {
		rowBytes := bf.dim*4 + 8
		put := func(b []byte) error {
			n, err := w.Write(b)
			written += int64(n)
			if err != nil {
				return &Error{Op: op, Err: err}
			}
			return nil
		}
		var header [flatHeaderBytes]byte
		for i, v := range []int{bf.capacity, rowBytes, bf.stats.Slots} {
			binary.LittleEndian.PutUint64(header[8*i:], uint64(v))
		}
		if err := put(header[:]); err != nil {
			return err
		}
		perChunk := max(1, chunkBytes/rowBytes)
		buf := make([]byte, perChunk*rowBytes)
		for first := 0; first < bf.capacity; first += perChunk {
			n := min(perChunk, bf.capacity-first)
			used := max(0, min(n, bf.stats.Slots-first))
			clear(buf[used*rowBytes:])
			if used > 0 {
				bf.c.Rows(first, used, buf)
			}
			if err := put(buf[:n*rowBytes]); err != nil {
				return err
			}
		}
		return nil
	})
	return written, err
}

// LoadBruteForce reads a file that [BruteForce.Save] or upstream wrote (upstream:
// load_index). All of it is checked, as [Load] says, with the same errors. Of
// cfg, MaxElements (no less than the file's), FixedCapacity and Threads matter.
func LoadBruteForce(path string, space Space, dim int, cfg *Config) (*BruteForce, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, &Error{Op: "load", Err: err}
	}
	defer f.Close()
	return ReadBruteForce(f, size, space, dim, cfg)
}

// ReadBruteForce is LoadBruteForce from a reader that has exactly size bytes left.
func ReadBruteForce(r io.Reader, size int64, space Space, dim int, cfg *Config) (*BruteForce, error) {
	const op = "load"
	config, err := cfg.withDefaults()
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	if _, err := config.settings(space, dim, 1); err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	corrupt := func(format string, args ...any) (*BruteForce, error) {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)}
	}
	if size < flatHeaderBytes {
		return corrupt("%d bytes are fewer than the header's %d", size, flatHeaderBytes)
	}
	var h flatHeader
	if err := binary.Read(r, binary.LittleEndian, &h); err != nil {
		return nil, &Error{Op: op, Err: readError(err)}
	}
	rowBytes := uint64(dim)*4 + 8
	switch {
	case h.RowBytes < 12 || h.RowBytes%4 != 0 || h.RowBytes > csrc.MaxDim*4+8:
		return corrupt("rows of %d bytes", h.RowBytes)
	case h.RowBytes != rowBytes:
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: the file has dimension %d, the index %d", ErrDimension, (h.RowBytes-8)/4, dim)}
	case h.MaxElements > csrc.MaxSlots || uint64(size)-flatHeaderBytes != h.MaxElements*rowBytes:
		return corrupt("%d rows of %d bytes are not the %d bytes after the header", h.MaxElements, rowBytes, size-flatHeaderBytes)
	case h.Count > h.MaxElements:
		return corrupt("%d elements of at most %d", h.Count, h.MaxElements)
	}
	bf, err := newBruteForce(op, space, dim, max(int(h.MaxElements), config.MaxElements, 1), config)
	if err != nil {
		return nil, err
	}
	err = bf.restore(op, r, int(h.Count), int(rowBytes))
	if err == nil { // and past the rows that are free
		if _, cerr := io.CopyN(io.Discard, r, int64((h.MaxElements-h.Count)*rowBytes)); cerr != nil {
			err = &Error{Op: op, Err: readError(cerr)}
		}
	}
	if err != nil {
		bf.Close()
		return nil, err
	}
	return bf, nil
}

func (bf *BruteForce) restore(op string, r io.Reader, count, rowBytes int) error {
	bf.writeMu.Lock()
	defer bf.writeMu.Unlock()
	perChunk := max(1, chunkBytes/rowBytes)
	buf := make([]byte, min(perChunk, max(count, 1))*rowBytes)
	for left := count; left > 0; {
		n := min(left, perChunk)
		if _, err := io.ReadFull(r, buf[:n*rowBytes]); err != nil {
			return &Error{Op: op, Err: readError(err)}
		}
		if err := bf.exclusive(op, func() *csrc.Error { return bf.c.Restore(buf[:n*rowBytes], n) }); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// readError says that a file ended early, where the size was checked before.
func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it ends before its size", ErrCorrupt)
	}
	return err
}
