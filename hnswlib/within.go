package hnswlib

import (
	"fmt"
	"math"

	"github.com/minnow-search/minnow/csrc"
)

// Range holds the knobs of one Within. Nil and zero are complete answers.
type Range struct {
	// Ef chooses between two searches. Zero looks at every element and misses
	// none, at the price of a scan. More walks the graph, as a query with that
	// candidate list would and on through all that lies within: a fraction of
	// the price, and a part of the answer may be missing. Raise Ef until it is
	// good enough (upstream: min_num_candidates of the epsilon search, which
	// ends earlier and misses more).
	Ef int

	// Limit is the most neighbours to return, the nearest ones (upstream:
	// max_num_candidates). Zero returns all.
	Limit int

	// Filter says which labels the answer may contain. Nil lets all in.
	Filter *Filter
}

// firstHits is the number of neighbours that Within makes room for at first. An
// answer that is longer costs a second search.
const firstHits = 256

// Within finds the live elements no farther than radius from query, nearest
// first, equal distances by label (upstream: the epsilon search of its C++). The
// radius is a distance of the index's [Space], so for L2 the square of a length,
// and may be infinite. All that is returned lies within, at any setting; nothing
// that does is missing unless opt.Ef allows it.
//
// Errors: [ErrConfig] for NaN as the radius, [ErrDimension], [ErrNotFinite],
// [ErrZeroVector] (cosine), [ErrEmpty].
func (ix *Index) Within(query []float32, radius float32, opt *Range) ([]Neighbor, error) {
	const op = "within"
	var r Range
	if opt != nil {
		r = *opt
	}
	if math.IsNaN(float64(radius)) || r.Ef < 0 || r.Limit < 0 {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: radius %v, ef %d, limit %d", ErrConfig, radius, r.Ef, r.Limit)}
	}
	ix.gate.share()
	defer ix.gate.unshare()
	if err := ix.searchable(op); err != nil {
		return nil, err
	}
	if len(query) != ix.dim {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: %d floats, want %d", ErrDimension, len(query), ix.dim)}
	}
	allowed, matches := ix.view(r.Filter)
	limit := matches
	if r.Limit > 0 {
		limit = min(limit, r.Limit)
	}
	for hits := make([]Neighbor, min(limit, firstHits)); ; {
		n, cerr := csrc.Within(ix.c, query, radius, min(r.Ef, math.MaxInt32), allowed, matches, hits)
		if cerr != nil {
			return nil, failed(op, cerr)
		}
		n = min(n, limit)
		if n <= len(hits) {
			return hits[:n], nil
		}
		hits = make([]Neighbor, n)
	}
}
