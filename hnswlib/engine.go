package hnswlib

import (
	"strconv"

	"github.com/minnow-search/minnow/csrc"
)

// Engine is the code that links elements, and by which a query walks the graph.
type Engine int

// Engines. The graph is the same kind of graph: either may walk what the other
// linked.
const (
	Own      Engine = csrc.Own      // this package's, by codes where there are some
	Upstream Engine = csrc.Upstream // hnswlib's own addPoint and searchBaseLayerST, by the vectors, as a reference
)

// String returns "own" or "upstream".
func (e Engine) String() string {
	switch e {
	case Own:
		return "own"
	case Upstream:
		return "upstream"
	}
	return "Engine(" + strconv.Itoa(int(e)) + ")"
}
