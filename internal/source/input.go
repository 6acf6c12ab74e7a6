package source

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// input is an open file, decompressed, that knows how far it was read.
type input struct {
	name     string // without the ending of a compression
	buffered *bufio.Reader
	file     *os.File // nil if it is piped in
	plain    bool     // not compressed
	size     int64    // of the file, 0 if nobody knows
	read     atomic.Int64
	close    []func() error
}

func openInput(path string, stdin io.Reader) (*input, error) {
	in := &input{name: path}
	var raw io.Reader = stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		in.file, raw = f, f
		in.close = append(in.close, f.Close)
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			in.size = info.Size()
		}
	} else if stdin == nil {
		return nil, fmt.Errorf("%w: nothing is piped in", ErrUsage)
	}
	if err := in.decompress(bufio.NewReaderSize(&counted{raw, &in.read}, 1<<16)); err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

// decompress looks at the first bytes: a name may lie.
func (in *input) decompress(raw *bufio.Reader) error {
	head, err := raw.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return err
		}
		in.close = append(in.close, unzipped.Close)
		in.buffered = bufio.NewReaderSize(unzipped, 1<<16)
		in.name = strings.TrimSuffix(in.name, ".gz")
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		unzipped, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		in.close = append(in.close, func() error { unzipped.Close(); return nil })
		in.buffered = bufio.NewReaderSize(unzipped, 1<<16)
		in.name = strings.TrimSuffix(strings.TrimSuffix(in.name, ".zst"), ".zstd")
	default:
		in.plain, in.buffered = true, raw
	}
	return nil
}

// head is the beginning, which stays to be read.
func (in *input) head() []byte {
	head, _ := in.buffered.Peek(4096) // a short file has less, and an error comes again when it is read
	return head
}

// random gives access to any place, which formats need whose table of contents
// is at the end: the file itself, or a copy without a name.
func (in *input) random() (io.ReaderAt, int64, error) {
	if in.file != nil && in.plain && in.size > 0 {
		return in.file, in.size, nil
	}
	temp, err := os.CreateTemp("", "minnow-import-*")
	if err != nil {
		return nil, 0, err
	}
	in.close = append(in.close, temp.Close)
	if err := os.Remove(temp.Name()); err != nil {
		return nil, 0, err
	}
	size, err := io.Copy(temp, in.buffered)
	return temp, size, err
}

func (in *input) Close() error {
	var first error
	for i := len(in.close) - 1; i >= 0; i-- {
		if err := in.close[i](); err != nil && first == nil {
			first = err
		}
	}
	return first
}

type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}
