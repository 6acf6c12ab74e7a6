// Package source reads documents from files of many formats: lines, JSON, CSV,
// Parquet, a folder of notes, and NumPy's arrays beside a file of labels.
package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/minnow-search/minnow"
)

// Format is how documents are laid out in a file.
type Format string

// Formats. Each may be compressed with gzip or zstd.
const (
	JSONL   Format = "jsonl" // an object a line
	JSON    Format = "json"  // an array of objects
	CSV     Format = "csv"   // with a header; separated by comma, semicolon, tab or bar
	TSV     Format = "tsv"   // with a header; separated by tabs, without quotes
	Lines   Format = "lines" // a text a line
	Parquet Format = "parquet"
	NPY     Format = "npy"    // vectors; their documents are in another file
	Folder  Format = "folder" // a document a file, of Markdown and plain text
)

// Formats lists them for people.
func Formats() string {
	return "jsonl, json, csv, tsv, lines, parquet, npy, folder"
}

// ErrUsage means that the options don't fit the file; the text says why.
var ErrUsage = errors.New("wrong usage")

// Options say how to read. The zero value guesses.
type Options struct {
	Format Format   // by the name and the first bytes, if empty
	ID     string   // the column of IDs
	Text   []string // the columns of texts, which are joined by empty lines
	Meta   []string // the columns of metadata: all others if nil, none if empty
	Labels string   // the file of the documents that vectors belong to
	Stdin  io.Reader

	textless bool // there need be no text
}

// Row is a document, and its vector if the source has vectors.
type Row struct {
	minnow.Document
	Vector []float32
}

// BadRow is a row that is no document. The next ones can be read.
type BadRow struct {
	File   string
	Line   int // or row, counted from 1; 0 for the whole file
	Reason string
}

func (b *BadRow) Error() string {
	if b.Line == 0 {
		return b.File + ": " + b.Reason
	}
	return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Reason)
}

// Source is an open file or folder. It belongs to one goroutine, but for Read.
type Source struct {
	path    string // as the user gave it, tidied
	format  Format
	file    *input  // nil for a folder
	records records // what the format's reader gives
	columns *columns
	said    string
	labels  *Source // of vectors
	dim     int     // of vectors
}

// records reads the records of one format. An error of type *BadRow is about
// one record, io.EOF the end, and any other the end of reading too.
type records interface {
	next() (record, error)
}

// record is a row before anybody knows which column is what.
type record struct {
	line   int
	values map[string]any
	vector []float32
}

// Open opens a file, a folder, or what is piped in if the path is "-", and
// reads as much of it as it takes to tell what it is.
func Open(path string, o Options) (*Source, error) {
	s := &Source{path: filepath.Clean(path), format: o.Format}
	if path == "-" {
		s.path = "-"
	}
	if err := s.open(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Source) open(o Options) error {
	if info, err := os.Stat(s.path); s.path != "-" && err == nil && info.IsDir() {
		if s.format != "" && s.format != Folder {
			return fmt.Errorf("%w: %s is a folder, not %s", ErrUsage, s.path, s.format)
		}
		s.format = Folder
	} else if s.format == Folder {
		return fmt.Errorf("%w: %s is no folder", ErrUsage, s.path)
	}
	if s.format == Folder {
		return s.openFolder(o)
	}
	var err error
	if s.file, err = openInput(s.path, o.Stdin); err != nil {
		return err
	}
	if s.format == "" {
		s.format = guessFormat(s.file.name, s.file.head())
	}
	if o.Labels != "" && s.format != NPY {
		return fmt.Errorf("%w: labels belong to vectors in a .npy file, and %s is %s", ErrUsage, s.path, s.format)
	}
	var names []string // in the file's order, where it has one
	switch s.format {
	case JSONL:
		s.records = &jsonLines{lineReader{file: s.path, r: s.file.buffered}}
	case JSON:
		s.records = &jsonArray{file: s.path, r: s.file.buffered}
	case CSV, TSV:
		var table *table
		if table, err = openTable(s.path, s.format, s.file); err == nil {
			s.records, names = table, table.header
		}
	case Lines:
		s.records = &lines{lineReader{file: s.path, r: s.file.buffered}}
		names = []string{"text"}
	case Parquet:
		var rows *parquetRows
		if rows, err = openParquet(s.path, s.file); err == nil {
			s.records, names = rows, rows.names
		}
	case NPY:
		return s.openVectors(o)
	default:
		return fmt.Errorf("%w: no format %q; there are %s", ErrUsage, s.format, Formats())
	}
	if err != nil {
		return err
	}
	return s.choose(names, o)
}

// choose fixes which column is what.
func (s *Source) choose(names []string, o Options) error {
	sampled := &sampled{from: s.records}
	sample, err := sampled.peek()
	if err != nil {
		return err
	}
	s.records = sampled
	s.columns, err = chooseColumns(names, sample, o)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUsage, s.name(), err)
	}
	s.columns.table = s.format == CSV || s.format == TSV
	s.said = s.columns.String()
	return nil
}

// guessFormat goes by the name's ending, else by the first bytes.
func guessFormat(name string, head []byte) Format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jsonl", ".ndjson":
		return JSONL
	case ".json":
		if first := bytes.TrimLeft(head, "\ufeff \t\r\n"); len(first) > 0 && first[0] == '{' {
			return JSONL
		}
		return JSON
	case ".csv":
		return CSV
	case ".tsv", ".tab":
		return TSV
	case ".parquet":
		return Parquet
	case ".npy":
		return NPY
	case ".txt", ".text", ".lst":
		return Lines
	}
	first := bytes.TrimLeft(head, "\ufeff \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return Parquet
	case bytes.HasPrefix(head, []byte(npyMagic)):
		return NPY
	case bytes.HasPrefix(first, []byte("{")):
		return JSONL
	case bytes.HasPrefix(first, []byte("[{")), bytes.HasPrefix(first, []byte("[\n")):
		return JSON
	default:
		return Lines
	}
}

func (s *Source) name() string {
	if s.path == "-" {
		return "standard input"
	}
	return s.path
}

// String says what the source is taken for.
func (s *Source) String() string {
	return fmt.Sprintf("%s: %s, %s", s.name(), s.format, s.said)
}

// Dim is how many numbers each vector has, or 0 if there are no vectors.
func (s *Source) Dim() int { return s.dim }

// Read says how many bytes have been read, and of how many; 0 if nobody knows.
// Any goroutine may call it.
func (s *Source) Read() (read, of int64) {
	if f, ok := s.records.(*folder); ok {
		return f.read.Load(), int64(len(f.paths))
	}
	return s.file.read.Load(), s.file.size
}

// Rows yields the documents. A *BadRow is about one row, and the loop may go
// on; after any other error it ends.
func (s *Source) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for ctx.Err() == nil {
			rec, err := s.records.next()
			if err == io.EOF {
				return
			}
			var row Row
			if err == nil {
				row, err = s.columns.row(s.path, rec)
			}
			if !yield(row, err) {
				return
			}
			if _, bad := errors.AsType[*BadRow](err); err != nil && !bad {
				return
			}
		}
	}
}

// Close closes the files.
func (s *Source) Close() error {
	var errs []error
	if s.file != nil {
		errs = append(errs, s.file.Close())
	}
	if s.labels != nil {
		errs = append(errs, s.labels.Close())
	}
	return errors.Join(errs...)
}
