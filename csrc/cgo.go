// Package csrc is the crossing between Go and the C++ shim over hnswlib 0.8.0:
// one Go function for each C function of hnsw.h, where the contracts are. It
// holds no logic. Use package hnswlib instead.
//
// Building it needs a C++17 compiler and upstream's headers, which
// scripts/setup.sh fetches; the include path comes from CGO_CXXFLAGS.
package csrc

/*
#cgo CXXFLAGS: -std=c++17 -O3 -Wall -Wextra
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
#cgo noescape hnsw_index_items
#cgo nocallback hnsw_index_items
#cgo noescape hnsw_index_mark
#cgo nocallback hnsw_index_mark
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
#cgo noescape hnsw_writer_read
#cgo nocallback hnsw_writer_read
#cgo noescape hnsw_loader_feed
#cgo nocallback hnsw_loader_feed
#cgo noescape hnsw_kernel_distance
#cgo nocallback hnsw_kernel_distance
#include "flat.h"
#include "hnsw.h"
*/
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// Codes of [Error].
const (
	Config         = C.HNSW_CONFIG
	Dimension      = C.HNSW_DIMENSION
	NotFinite      = C.HNSW_NOT_FINITE
	ZeroVector     = C.HNSW_ZERO_VECTOR
	DuplicateLabel = C.HNSW_DUPLICATE_LABEL
	NotFound       = C.HNSW_NOT_FOUND
	Deleted        = C.HNSW_DELETED
	Full           = C.HNSW_FULL
	Corrupt        = C.HNSW_CORRUPT
	NoMemory       = C.HNSW_NO_MEMORY
	Internal       = C.HNSW_INTERNAL
)

// Spaces.
const (
	L2     = C.HNSW_L2
	IP     = C.HNSW_IP
	Cosine = C.HNSW_COSINE
)

// Forms of a set of labels.
const (
	AllowList   = C.HNSW_ALLOW_LIST
	DenyList    = C.HNSW_DENY_LIST
	AllowBitmap = C.HNSW_ALLOW_BITMAP
	DenyBitmap  = C.HNSW_DENY_BITMAP
)

// The most rows that an index can have, and components that a vector can.
const (
	MaxSlots = C.HNSW_MAX_SLOTS
	MaxDim   = C.HNSW_MAX_DIM
)

// Error is a status that is not success.
type Error struct {
	Code int
	Msg  string
}

func (e *Error) Error() string { return e.Msg }

// Index is a C++ index. The zero value is no index: only Free may be called.
type Index struct{ p *C.hnsw_index }

// Flat is a C++ exact index. The zero value is no index: only Free may be called.
type Flat struct{ p *C.hnsw_flat }

// Writer hands out the file of an index piece by piece.
type Writer struct{ p *C.hnsw_writer }

// Loader takes a file piece by piece.
type Loader struct{ p *C.hnsw_loader }

// Settings is hnsw_config.
type Settings struct {
	Space          int
	Dim            int
	M              int
	EfConstruction int
	Seed           uint64
	Slots          int
}

// Stats is hnsw_stats.
type Stats struct {
	Slots, Live, Deleted, Room, M, EfConstruction int
	Stamp, NextLabel, LabelsLeft                  uint64
}

// LabelSet is a set of labels: Words, Base and Form as hnsw_index_match takes them.
type LabelSet struct {
	Words []uint64
	Base  uint64
	Form  int
}

// Neighbor has the layout of hnsw_neighbor.
type Neighbor = struct {
	Label    uint64
	Distance float32
}

var _ [unsafe.Sizeof(Neighbor{})]byte = [C.sizeof_hnsw_neighbor]byte{}

// New is hnsw_index_new.
func New(s Settings) (Index, *Error) {
	var st C.hnsw_status
	c := s.c()
	p := C.hnsw_index_new(&c, &st)
	return Index{p}, failure(&st)
}

// Free is hnsw_index_free.
func (ix Index) Free() { C.hnsw_index_free(ix.p) }

// Stat is hnsw_index_stat.
func (ix Index) Stat() Stats {
	var s C.hnsw_stats
	C.hnsw_index_stat(ix.p, &s)
	return goStats(s)
}

func goStats(s C.hnsw_stats) Stats {
	return Stats{
		Slots: int(s.slots), Live: int(s.live), Deleted: int(s.deleted), Room: int(s.room),
		M: int(s.m), EfConstruction: int(s.ef_construction),
		Stamp: uint64(s.stamp), NextLabel: uint64(s.next_label), LabelsLeft: uint64(s.labels_left),
	}
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

// Search is hnsw_index_search for len(counts) queries; out has k places for each.
func Search[N ~Neighbor](ix Index, queries []float32, k, ef int, allowed []uint64, matches int, out []N, counts []uint32) *Error {
	return ix.search(queries, k, ef, allowed, matches, unsafe.Pointer(unsafe.SliceData(out)), counts)
}

func (ix Index) search(queries []float32, k, ef int, allowed []uint64, matches int, out unsafe.Pointer, counts []uint32) *Error {
	var st C.hnsw_status
	C.hnsw_index_search(ix.p, floats(queries), C.size_t(len(counts)), C.size_t(k), C.size_t(ef), uints(allowed),
		C.size_t(matches), (*C.hnsw_neighbor)(out), (*C.uint32_t)(unsafe.SliceData(counts)), &st)
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
	p := C.hnsw_loader_new(&c, C.size_t(fileBytes), &st)
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

// KernelCount is hnsw_kernel_count.
func KernelCount() int { return int(C.hnsw_kernel_count()) }

// KernelName is hnsw_kernel_name.
func KernelName(i int) string { return C.GoString(C.hnsw_kernel_name(C.size_t(i))) }

// KernelUsable is hnsw_kernel_usable.
func KernelUsable(i int) bool { return C.hnsw_kernel_usable(C.size_t(i)) != 0 }

// KernelDistance is hnsw_kernel_distance.
func KernelDistance(i, space int, a, b []float32) float32 {
	return float32(C.hnsw_kernel_distance(C.size_t(i), C.int32_t(space), floats(a), floats(b), C.size_t(len(a))))
}

func (s Settings) c() C.hnsw_config {
	return C.hnsw_config{
		space: C.int32_t(s.Space), dim: C.size_t(s.Dim), m: C.size_t(s.M),
		ef_construction: C.size_t(s.EfConstruction), seed: C.uint64_t(s.Seed), slots: C.size_t(s.Slots),
	}
}

func failure(st *C.hnsw_status) *Error {
	if st.code == C.HNSW_OK {
		return nil
	}
	msg := st.msg // a copy: GoString would drag st to the heap, failed or not
	return &Error{Code: int(st.code), Msg: C.GoString(&msg[0])}
}

func flag(b bool) C.int32_t {
	if b {
		return 1
	}
	return 0
}

func floats(s []float32) *C.float  { return (*C.float)(unsafe.SliceData(s)) }
func uints(s []uint64) *C.uint64_t { return (*C.uint64_t)(unsafe.SliceData(s)) }
func sizes(s []uint64) *C.size_t   { return (*C.size_t)(unsafe.Pointer(unsafe.SliceData(s))) }
func chars(s []byte) *C.char       { return (*C.char)(unsafe.Pointer(unsafe.SliceData(s))) }
