package csrc

/*
#cgo noescape hnsw_writer_read
#cgo nocallback hnsw_writer_read
#cgo noescape hnsw_loader_feed
#cgo nocallback hnsw_loader_feed
#include "hnsw.h"
*/
import "C"

// Writer hands out the file of an index piece by piece.
type Writer struct{ p *C.hnsw_writer }

// Loader takes a file piece by piece.
type Loader struct{ p *C.hnsw_loader }

// NewWriter is hnsw_writer_new.
func (ix Index) NewWriter(maxElements int) (Writer, *Error) {
	var st C.hnsw_status
	p := C.hnsw_writer_new(ix.p, C.size_t(maxElements), &st)
	return Writer{p}, failure(&st)
}

// Read is hnsw_writer_read.
func (w Writer) Read(buf []byte) (n int, err *Error) {
	var st C.hnsw_status
	c := C.hnsw_writer_read(w.p, chars(buf), C.size_t(len(buf)), &st)
	return int(c), failure(&st)
}

// Free is hnsw_writer_free.
func (w Writer) Free() { C.hnsw_writer_free(w.p) }

// NewLoader is hnsw_loader_new.
func NewLoader(s Settings, fileBytes int64) (Loader, *Error) {
	var st C.hnsw_status
	c := s.c()
	folder, n := text(s.Folder)
	p := C.hnsw_loader_new(&c, folder, n, C.size_t(fileBytes), &st)
	return Loader{p}, failure(&st)
}

// Feed is hnsw_loader_feed.
func (l Loader) Feed(buf []byte) *Error {
	var st C.hnsw_status
	C.hnsw_loader_feed(l.p, chars(buf), C.size_t(len(buf)), &st)
	return failure(&st)
}

// Finish is hnsw_loader_finish.
func (l Loader) Finish() (ix Index, maxElements int, err *Error) {
	var st C.hnsw_status
	var n C.size_t
	p := C.hnsw_loader_finish(l.p, &n, &st)
	return Index{p}, int(n), failure(&st)
}

// Free is hnsw_loader_free.
func (l Loader) Free() { C.hnsw_loader_free(l.p) }
