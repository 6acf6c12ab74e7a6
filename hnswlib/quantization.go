package hnswlib

import (
	"strconv"

	"github.com/minnow-search/minnow/csrc"
)

// Quantization is how an index codes its vectors for walks: a walk waits for memory
// most of its time, and codes are a quarter or an eighth of it. The answers are
// ranked by the vectors themselves, and their distances are exact. Codes
// come on top of the vectors' memory; they are learned from the first 256 vectors on, and
// again as the vectors double or change. The file does not have them: Load makes
// them again.
//
// What they cost in recall, and gain, is in docs/search.md and bench/runs.
type Quantization int

// Quantizations.
const (
	// Int8 is a byte for each dimension, and the default: recall at an ef is as without
	// codes.
	Int8 Quantization = iota
	// Int4 is half a byte for each dimension: faster still, and where neighbours
	// are hard to tell apart, less recall at an ef.
	Int4
	// None walks by the vectors: the answers of upstream's search on the same
	// graph, and with Threads of 1, upstream's very graph.
	None
)

var quantizationNames = [...]string{Int8: "int8", Int4: "int4", None: "none"}

var codeBits = map[Quantization]int{Int8: 8, Int4: 4, None: 0}

// String returns "int8", "int4" or "none".
func (q Quantization) String() string {
	if q < Int8 || q > None {
		return "Quantization(" + strconv.Itoa(int(q)) + ")"
	}
	return quantizationNames[q]
}

// DropVectors frees the memory of the vectors and leaves the index with their
// codes: at 384 dimensions and M 16 an element then takes 0.6 KB by [Int8] and 0.4 by [Int4], where it
// takes 2.1 and 1.9. From then on answers are ranked by codes, their distances are estimates, and
// Items returns what the codes tell. Adds, Compact, Save, Calibrate and queries by
// Upstream are [ErrDropped]; MarkDeleted and queries go on, with a recall by earlier
// calibrations too. It cannot be undone, but by loading the index again.
//
// An index without codes is [ErrConfig]: one of quantization None, of fewer than 256 vectors, or
// of vectors that are all alike.
func (ix *Index) DropVectors() error {
	return ix.change("drop vectors", func() *csrc.Error { return ix.c.Drop() })
}
