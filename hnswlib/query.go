package hnswlib

import (
	"fmt"
	"math"

	"github.com/minnow-search/minnow/csrc"
)

// querySlice is the number of queries answered in one crossing into C++. It
// bounds how long a batch holds up a change, and the queries behind it.
const querySlice = 64

// Query holds the knobs of one KNNQuery. Nil and zero are the index's own.
type Query struct {
	// Ef is the size of the candidate list for this call. Zero is the index's
	// [Index.Ef]; values below k act as k.
	Ef int
}

// Neighbor is one answer. What Distance measures is said at [Space].
type Neighbor struct {
	Label    uint64
	Distance float32
}

// KNNQuery finds the k nearest live elements of each query (upstream:
// knn_query). queries is row-major, a multiple of Dim() floats; it is only read,
// and not kept. Row i of the result answers query i, nearest first, equal
// distances by label, and is the caller's.
//
// A row has k neighbours or, of an index with fewer live elements, all of them:
// where the graph leads to too few, the rest is found by an exact scan. An
// index of at most max(Ef, k) live elements is always scanned, and so exact.
//
// Errors: [ErrConfig] for k < 1, [ErrDimension], [ErrNotFinite],
// [ErrZeroVector] (cosine). A batch is answered in slices; a change of the
// index may fall between two.
func (ix *Index) KNNQuery(queries []float32, k int, opt *Query) ([][]Neighbor, error) {
	const op = "query"
	if k < 1 || len(queries)%ix.dim != 0 || opt != nil && opt.Ef < 0 {
		return nil, &Error{Op: op, Err: ix.badQuery(queries, k)}
	}
	n := len(queries) / ix.dim
	rows := make([][]Neighbor, n)
	for start := 0; start == 0 || start < n; start += querySlice {
		end := min(start+querySlice, n)
		if err := ix.querySlice(op, queries[start*ix.dim:end*ix.dim], k, opt, rows[start:end]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (ix *Index) badQuery(queries []float32, k int) error {
	if k < 1 {
		return fmt.Errorf("%w: k %d is not positive", ErrConfig, k)
	}
	if len(queries)%ix.dim != 0 {
		return fmt.Errorf("%w: %d floats are no multiple of dimension %d", ErrDimension, len(queries), ix.dim)
	}
	return fmt.Errorf("%w: ef is negative", ErrConfig)
}

func (ix *Index) querySlice(op string, queries []float32, k int, opt *Query, rows [][]Neighbor) error {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if err := ix.usable(op); err != nil {
		return err
	}
	ef := ix.ef
	if opt != nil && opt.Ef > 0 {
		ef = opt.Ef
	}
	// More than there is would only be room left empty. At least 1, so that the
	// queries are checked in an empty index too.
	k = max(1, min(k, ix.stats.Live))
	var counts [querySlice]uint32
	flat := make([]Neighbor, len(rows)*k)
	if err := csrc.Search(ix.c, queries, k, min(ef, math.MaxInt32), flat, counts[:len(rows)]); err != nil {
		return failed(op, err)
	}
	for i := range rows {
		rows[i] = flat[i*k : i*k+int(counts[i]) : (i+1)*k]
	}
	return nil
}
