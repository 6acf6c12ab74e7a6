// Package csrc is the crossing between Go and the C++ shim over hnswlib 0.8.0:
// one Go function for each C function of hnsw.h, where the contracts are. It
// holds no logic. Use package hnswlib instead.
//
// Building it needs a C++17 compiler and upstream's headers, which
// scripts/setup.sh fetches; the include path comes from CGO_CXXFLAGS.
package csrc

/*
#cgo CXXFLAGS: -std=c++17 -O3 -Wall -Wextra
#include "hnsw.h"
*/
import "C"

import "unsafe"

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
	NoSpace        = C.HNSW_NO_SPACE
	Dropped        = C.HNSW_DROPPED
)

// Spaces.
const (
	L2       = C.HNSW_L2
	IP       = C.HNSW_IP
	Own      = C.HNSW_OWN
	Upstream = C.HNSW_UPSTREAM
	Cosine   = C.HNSW_COSINE
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

// Settings is hnsw_config.
type Settings struct {
	Space          int
	Dim            int
	M              int
	EfConstruction int
	Seed           uint64
	Slots          int
	CodeBits       int
	Engine         int
	Folder         string // for vectors, or empty
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

func goStats(s C.hnsw_stats) Stats {
	return Stats{
		Slots: int(s.slots), Live: int(s.live), Deleted: int(s.deleted), Room: int(s.room),
		M: int(s.m), EfConstruction: int(s.ef_construction),
		Stamp: uint64(s.stamp), NextLabel: uint64(s.next_label), LabelsLeft: uint64(s.labels_left),
	}
}

func (s Settings) c() C.hnsw_config {
	return C.hnsw_config{
		space: C.int32_t(s.Space), dim: C.size_t(s.Dim), m: C.size_t(s.M),
		ef_construction: C.size_t(s.EfConstruction), seed: C.uint64_t(s.Seed), slots: C.size_t(s.Slots), code_bits: C.int32_t(s.CodeBits), engine: C.int32_t(s.Engine),
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
func slots(s []uint32) *C.uint32_t { return (*C.uint32_t)(unsafe.SliceData(s)) }
func text(s string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}
func chars(s []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(s))) }
