package hnswlib

import (
	"fmt"
	"math"
)

// DocumentNeighbor is one answer of KNNQueryDocuments: a document, and of its
// vectors the nearest.
type DocumentNeighbor struct {
	Document uint64
	Neighbor
}

// KNNQueryDocuments finds the k documents nearest to query, where a document has
// several vectors and is as near as the nearest of them (upstream: the
// multi-vector search of its C++). document says which one a label belongs to.
// It is called for the labels found, a few times k, with no lock held.
//
// An answer has min(k, documents with a live vector that passes the filter)
// entries, nearest first. It asks for as many vectors as the candidate list
// holds anyway, groups them, and asks for four times as many while that makes
// too few documents. Upstream groups while it walks the graph, and miscounts
// documents whose vectors are equally near (stop_condition.h L175-211).
//
// Errors are those of [Index.KNNQuery].
func (ix *Index) KNNQueryDocuments(query []float32, k int, document func(label uint64) uint64, opt *Query) ([]DocumentNeighbor, error) {
	if err := checkQuery(query, ix.dim, k, opt); err != nil {
		return nil, err
	}
	if len(query) != ix.dim {
		return nil, &Error{Op: opQuery, Err: fmt.Errorf("%w: %d floats, want %d", ErrDimension, len(query), ix.dim)}
	}
	for vectors := max(opt.ef(ix.Ef()), min(k, math.MaxInt/4)); ; {
		rows, err := ix.KNNQuery(query, vectors, opt)
		if err != nil {
			return nil, err
		}
		var found []DocumentNeighbor
		seen := make(map[uint64]bool)
		for _, n := range rows[0] {
			if d := document(n.Label); !seen[d] && len(found) < k {
				seen[d] = true
				found = append(found, DocumentNeighbor{d, n})
			}
		}
		if len(found) == k || len(rows[0]) < vectors {
			return found, nil
		}
		vectors = min(vectors, math.MaxInt/4) * 4
	}
}
