package csrc

/*
#cgo noescape hnsw_flat_stat
#cgo nocallback hnsw_flat_stat
#cgo noescape hnsw_flat_precheck
#cgo nocallback hnsw_flat_precheck
#cgo noescape hnsw_flat_add
#cgo nocallback hnsw_flat_add
#cgo noescape hnsw_flat_match
#cgo nocallback hnsw_flat_match
#cgo noescape hnsw_flat_search
#cgo nocallback hnsw_flat_search
#cgo noescape hnsw_flat_items
#cgo nocallback hnsw_flat_items
#include "flat.h"
*/
import "C"

import "unsafe"

// Flat is a C++ exact index. The zero value is no index: only Free may be called.
type Flat struct{ p *C.hnsw_flat }

// NewFlat is hnsw_flat_new.
func NewFlat(s Settings) (Flat, *Error) {
	var st C.hnsw_status
	c := s.c()
	p := C.hnsw_flat_new(&c, &st)
	return Flat{p}, failure(&st)
}

// Free is hnsw_flat_free.
func (ix Flat) Free() { C.hnsw_flat_free(ix.p) }

// Stat is hnsw_flat_stat.
func (ix Flat) Stat() Stats {
	var s C.hnsw_stats
	C.hnsw_flat_stat(ix.p, &s)
	return goStats(s)
}

// Reserve is hnsw_flat_reserve.
func (ix Flat) Reserve(slots int) *Error {
	var st C.hnsw_status
	C.hnsw_flat_reserve(ix.p, C.size_t(slots), &st)
	return failure(&st)
}

// Precheck is hnsw_flat_precheck.
func (ix Flat) Precheck(vecs []float32, labels []uint64) (newLabels int, err *Error) {
	var st C.hnsw_status
	var n C.size_t
	C.hnsw_flat_precheck(ix.p, floats(vecs), uints(labels), C.size_t(len(labels)), &n, &st)
	return int(n), failure(&st)
}

// Add is hnsw_flat_add.
func (ix Flat) Add(vecs []float32, labels []uint64) *Error {
	var st C.hnsw_status
	C.hnsw_flat_add(ix.p, floats(vecs), uints(labels), C.size_t(len(labels)), &st)
	return failure(&st)
}

// Delete is hnsw_flat_delete.
func (ix Flat) Delete(labels []uint64) *Error {
	var st C.hnsw_status
	C.hnsw_flat_delete(ix.p, uints(labels), C.size_t(len(labels)), &st)
	return failure(&st)
}

// Match is hnsw_flat_match; bits has a bit for each row.
func (ix Flat) Match(set LabelSet, bits []uint64) int {
	return int(C.hnsw_flat_match(ix.p, uints(set.Words), C.size_t(len(set.Words)), C.uint64_t(set.Base),
		C.int32_t(set.Form), uints(bits)))
}

// SearchFlat is hnsw_flat_search for len(counts) queries; out has k places for each.
func SearchFlat[N ~Neighbor](ix Flat, queries []float32, k int, allowed []uint64, matches int, out []N, counts []uint32) *Error {
	return ix.search(queries, k, allowed, matches, unsafe.Pointer(unsafe.SliceData(out)), counts)
}

func (ix Flat) search(queries []float32, k int, allowed []uint64, matches int, out unsafe.Pointer, counts []uint32) *Error {
	var st C.hnsw_status
	C.hnsw_flat_search(ix.p, floats(queries), C.size_t(len(counts)), C.size_t(k), uints(allowed), C.size_t(matches),
		(*C.hnsw_neighbor)(out), (*C.uint32_t)(unsafe.SliceData(counts)), &st)
	return failure(&st)
}

// Items is hnsw_flat_items.
func (ix Flat) Items(labels []uint64, out []float32) *Error {
	var st C.hnsw_status
	C.hnsw_flat_items(ix.p, uints(labels), C.size_t(len(labels)), floats(out), &st)
	return failure(&st)
}

// Labels is hnsw_flat_labels.
func (ix Flat) Labels(out []uint64) (n int, err *Error) {
	var st C.hnsw_status
	c := C.hnsw_flat_labels(ix.p, uints(out), C.size_t(len(out)), &st)
	return int(c), failure(&st)
}

// Has is hnsw_flat_has.
func (ix Flat) Has(label uint64) bool { return C.hnsw_flat_has(ix.p, C.uint64_t(label)) != 0 }

// Rows is hnsw_flat_rows; buf has room for n rows.
func (ix Flat) Rows(first, n int, buf []byte) {
	C.hnsw_flat_rows(ix.p, C.size_t(first), C.size_t(n), chars(buf))
}

// Restore is hnsw_flat_restore of n rows.
func (ix Flat) Restore(rows []byte, n int) *Error {
	var st C.hnsw_status
	C.hnsw_flat_restore(ix.p, chars(rows), C.size_t(n), &st)
	return failure(&st)
}
