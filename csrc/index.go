package csrc

/*
#cgo noescape hnsw_index_stat
#cgo nocallback hnsw_index_stat
#cgo noescape hnsw_index_precheck
#cgo nocallback hnsw_index_precheck
#cgo noescape hnsw_index_begin
#cgo nocallback hnsw_index_begin
#cgo noescape hnsw_index_insert
#cgo nocallback hnsw_index_insert
#cgo noescape hnsw_index_end
#cgo nocallback hnsw_index_end
#cgo noescape hnsw_index_match
#cgo nocallback hnsw_index_match
#cgo noescape hnsw_index_within
#cgo nocallback hnsw_index_within
#cgo noescape hnsw_index_survey
#cgo nocallback hnsw_index_survey
#cgo noescape hnsw_index_search
#cgo nocallback hnsw_index_search
#cgo noescape hnsw_index_sample
#cgo nocallback hnsw_index_sample
#cgo noescape hnsw_index_calibrate
#cgo nocallback hnsw_index_calibrate
#cgo noescape hnsw_index_items
#cgo nocallback hnsw_index_items
#cgo noescape hnsw_index_mark
#cgo nocallback hnsw_index_mark
#include "hnsw.h"
*/
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// Index is a C++ index. The zero value is no index: only Free may be called.
type Index struct{ p *C.hnsw_index }

// New is hnsw_index_new.
func New(s Settings) (Index, *Error) {
	var st C.hnsw_status
	c := s.c()
	folder, n := text(s.Folder)
	p := C.hnsw_index_new(&c, folder, n, &st)
	return Index{p}, failure(&st)
}

// Free is hnsw_index_free.
func (ix Index) Free() { C.hnsw_index_free(ix.p) }

// Drop is hnsw_index_drop.
func (ix Index) Drop() *Error {
	var st C.hnsw_status
	C.hnsw_index_drop(ix.p, &st)
	return failure(&st)
}

// Stat is hnsw_index_stat.
func (ix Index) Stat() Stats {
	var s C.hnsw_stats
	C.hnsw_index_stat(ix.p, &s)
	return goStats(s)
}

// FileBytes is hnsw_index_file_bytes.
func (ix Index) FileBytes() int64 { return int64(C.hnsw_index_file_bytes(ix.p)) }

// Reserve is hnsw_index_reserve.
func (ix Index) Reserve(slots int) *Error {
	var st C.hnsw_status
	C.hnsw_index_reserve(ix.p, C.size_t(slots), &st)
	return failure(&st)
}

// Precheck is hnsw_index_precheck.
func (ix Index) Precheck(vecs []float32, labels []uint64) (newLabels int, err *Error) {
	var st C.hnsw_status
	var n C.size_t
	C.hnsw_index_precheck(ix.p, floats(vecs), uints(labels), C.size_t(len(labels)), &n, &st)
	return int(n), failure(&st)
}

// Begin is hnsw_index_begin.
func (ix Index) Begin(vecs []float32, labels []uint64) *Error {
	var st C.hnsw_status
	C.hnsw_index_begin(ix.p, floats(vecs), uints(labels), C.size_t(len(labels)), &st)
	return failure(&st)
}

// Insert is hnsw_index_insert.
func (ix Index) Insert(vecs []float32, until, sure int, waiting *atomic.Int32) *Error {
	var st C.hnsw_status
	C.hnsw_index_insert(ix.p, floats(vecs), C.size_t(until), C.size_t(sure), (*C.int32_t)(unsafe.Pointer(waiting)), &st)
	return failure(&st)
}

// End is hnsw_index_end.
func (ix Index) End() (n int, err *Error) {
	var st C.hnsw_status
	c := C.hnsw_index_end(ix.p, &st)
	return int(c), failure(&st)
}

// Forget is hnsw_index_forget.
func (ix Index) Forget(n int) *Error {
	var st C.hnsw_status
	C.hnsw_index_forget(ix.p, C.size_t(n), &st)
	return failure(&st)
}

// Match is hnsw_index_match; bits has a bit for each slot.
func (ix Index) Match(set LabelSet, bits []uint64) int {
	return int(C.hnsw_index_match(ix.p, uints(set.Words), C.size_t(len(set.Words)), C.uint64_t(set.Base),
		C.int32_t(set.Form), uints(bits)))
}

// Wish is what a query asks for beside its vector.
type Wish struct {
	K, Ef   int
	Slack   float32
	SlackK  int
	Longest float32
	Engine  int
	Allowed []uint64
	Matches int
}

// Search is hnsw_index_search for len(counts) queries; out has w.K places for each.
func Search[N ~Neighbor](ix Index, queries []float32, w Wish, out []N, counts []uint32) *Error {
	return ix.search(queries, w, unsafe.Pointer(unsafe.SliceData(out)), counts)
}

func (ix Index) search(queries []float32, w Wish, out unsafe.Pointer, counts []uint32) *Error {
	var st C.hnsw_status
	C.hnsw_index_search(ix.p, floats(queries), C.size_t(len(counts)), C.size_t(w.K), C.size_t(w.Ef), C.float(w.Slack), C.size_t(w.SlackK), C.float(w.Longest),
		C.int32_t(w.Engine), uints(w.Allowed), C.size_t(w.Matches), (*C.hnsw_neighbor)(out), (*C.uint32_t)(unsafe.SliceData(counts)), &st)
	return failure(&st)
}

// Sample is hnsw_index_sample for len(out) slots.
func (ix Index) Sample(seed uint64, out []uint32) (n int, err *Error) {
	var st C.hnsw_status
	c := C.hnsw_index_sample(ix.p, C.size_t(len(out)), C.uint64_t(seed), slots(out), &st)
	return int(c), failure(&st)
}

// Longest is hnsw_index_longest.
func (ix Index) Longest() float32 { return float32(C.hnsw_index_longest(ix.p)) }

// Calibrate is hnsw_index_calibrate; b is as long as a, and found as slacks.
func (ix Index) Calibrate(a, b []uint32, k, ef int, slacks []float32, longest float32, found []uint64) *Error {
	var st C.hnsw_status
	C.hnsw_index_calibrate(ix.p, slots(a), slots(b), C.size_t(len(a)), C.size_t(k), C.size_t(ef), floats(slacks), C.size_t(len(slacks)),
		C.float(longest), sizes(found), &st)
	return failure(&st)
}

// Within is hnsw_index_within.
func Within[N ~Neighbor](ix Index, query []float32, radius float32, ef int, allowed []uint64, matches int, out []N) (int, *Error) {
	return ix.within(query, radius, ef, allowed, matches, unsafe.Pointer(unsafe.SliceData(out)), len(out))
}

func (ix Index) within(query []float32, radius float32, ef int, allowed []uint64, matches int, out unsafe.Pointer, room int) (int, *Error) {
	var st C.hnsw_status
	n := C.hnsw_index_within(ix.p, floats(query), C.float(radius), C.size_t(ef), uints(allowed), C.size_t(matches),
		(*C.hnsw_neighbor)(out), C.size_t(room), &st)
	return int(n), failure(&st)
}

// Items is hnsw_index_items.
func (ix Index) Items(labels []uint64, out []float32) *Error {
	var st C.hnsw_status
	C.hnsw_index_items(ix.p, uints(labels), C.size_t(len(labels)), floats(out), &st)
	return failure(&st)
}

// Mark is hnsw_index_mark.
func (ix Index) Mark(labels []uint64, deleted bool) *Error {
	var st C.hnsw_status
	C.hnsw_index_mark(ix.p, uints(labels), C.size_t(len(labels)), flag(deleted), &st)
	return failure(&st)
}

// Labels is hnsw_index_labels.
func (ix Index) Labels(out []uint64) (n int, err *Error) {
	var st C.hnsw_status
	c := C.hnsw_index_labels(ix.p, uints(out), C.size_t(len(out)), &st)
	return int(c), failure(&st)
}

// Has is hnsw_index_has.
func (ix Index) Has(label uint64) bool { return C.hnsw_index_has(ix.p, C.uint64_t(label)) != 0 }

// Compact is hnsw_index_compact.
func (ix Index) Compact(keepDeleted bool) (Index, *Error) {
	var st C.hnsw_status
	p := C.hnsw_index_compact(ix.p, flag(keepDeleted), &st)
	return Index{p}, failure(&st)
}

// Survey is hnsw_index_survey.
func (ix Index) Survey(levels, degrees []uint64) (unreachable int, err *Error) {
	var st C.hnsw_status
	n := C.hnsw_index_survey(ix.p, sizes(levels), C.size_t(len(levels)), sizes(degrees), C.size_t(len(degrees)), &st)
	return int(n), failure(&st)
}

// Memory is hnsw_index_memory.
func (ix Index) Memory() int64 { return int64(C.hnsw_index_memory(ix.p)) }

// Verify is hnsw_index_verify.
func (ix Index) Verify() *Error {
	var st C.hnsw_status
	C.hnsw_index_verify(ix.p, &st)
	return failure(&st)
}
