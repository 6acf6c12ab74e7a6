package hnswlib

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/minnow-search/minnow/csrc"
)

// querySlice is the number of queries answered in one crossing into C++. It
// bounds how long a batch holds up a change, and the queries behind it.
const querySlice = 64

// queriesPerThread is the number of queries for which another thread is worth
// waking: upstream's Python binding has the same rule.
const queriesPerThread = 4

// Query holds the knobs of one KNNQuery. Nil and zero are the index's own.
type Query struct {
	// Ef is the size of the candidate list for this call. Zero is the index's
	// [Index.Ef]; values below k act as k.
	Ef int

	// Recall asks for a share of the true k nearest, such as 0.95, instead of an
	// ef: each walk ends when it has gone as far as that takes, which is
	// further for some queries than for others. How far, the index measures on
	// vectors of its own: see [Index.Calibrate]. Zero leaves it to Ef.
	Recall float64

	// Engine walks the graph: [Own] by default, or [Upstream].
	Engine Engine

	// Filter says which labels the answer may contain. Nil lets all in.
	Filter *Filter

	// Threads is the number of threads for this batch (upstream: num_threads).
	// Zero is the index's [Index.Threads]. A thread takes 4 queries at least.
	Threads int
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
// A row has k neighbours or, if fewer elements are live and pass the filter, all
// of those: where the graph leads to too few, the rest is found by an exact
// scan. Where a scan costs no more than the walk it comes first, and the answer
// is exact: always among at most max(Ef, k) elements, and among more if they are
// few in a large index.
//
// Errors: [ErrConfig] for k < 1, [ErrDimension], [ErrNotFinite],
// [ErrZeroVector] (cosine), [ErrEmpty] where no element is live; where no live
// one passes the filter, rows are empty. A batch is answered in slices, by several threads if
// it is long; a change of the index may fall between two.
func (ix *Index) KNNQuery(queries []float32, k int, opt *Query) ([][]Neighbor, error) {
	if err := checkQuery(queries, ix.dim, k, opt); err != nil {
		return nil, err
	}
	aim, err := ix.aim(k, opt)
	if err != nil {
		return nil, err
	}
	n := len(queries) / ix.dim
	rows := make([][]Neighbor, n)
	threads := ix.threadsFor(n, opt)
	if threads == 1 {
		for start := 0; start == 0 || start < n; start += querySlice {
			if err := ix.querySlice(queries, k, opt, aim, rows, start, min(start+querySlice, n)); err != nil {
				return nil, err
			}
		}
		return rows, nil
	}
	err = inSlices(n, threads, func(start, end int) error {
		return ix.querySlice(queries, k, opt, aim, rows, start, end)
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// KNNQueryInto is KNNQuery that writes into the caller's slices: neighbour j of
// query i at out[i*k+j], and how many it has into counts[i]. out must have
// exactly k places, and counts one, for each query, else it is [ErrConfig]. On
// one thread, and so for up to 7 queries, it allocates nothing, and up to 64
// queries are one crossing into C++. If it fails, what out and counts hold is
// undefined.
func (ix *Index) KNNQueryInto(queries []float32, k int, out []Neighbor, counts []uint32, opt *Query) error {
	if err := checkQuery(queries, ix.dim, k, opt); err != nil {
		return err
	}
	aim, err := ix.aim(k, opt)
	if err != nil {
		return err
	}
	n := len(queries) / ix.dim
	if len(counts) != n || len(out)/k != n || len(out)%k != 0 {
		return &Error{Op: opQuery, Err: fmt.Errorf("%w: room for %d neighbours and %d counts, want %d for each of %d queries and %d",
			ErrConfig, len(out), len(counts), k, n, n)}
	}
	threads := ix.threadsFor(n, opt)
	if threads == 1 {
		for start := 0; start == 0 || start < n; start += querySlice {
			if err := ix.fillSlice(queries, k, opt, aim, out, counts, start, min(start+querySlice, n)); err != nil {
				return err
			}
		}
		return nil
	}
	return inSlices(n, threads, func(start, end int) error {
		return ix.fillSlice(queries, k, opt, aim, out, counts, start, end)
	})
}

const opQuery = "query"

func checkQuery(queries []float32, dim, k int, opt *Query) error {
	switch {
	case dim == 0: // the zero value
		return &Error{Op: opQuery, Err: ErrClosed}
	case k < 1:
		return &Error{Op: opQuery, Err: fmt.Errorf("%w: k %d is not positive", ErrConfig, k)}
	case len(queries)%dim != 0:
		return &Error{Op: opQuery, Err: fmt.Errorf("%w: %d floats are no multiple of dimension %d", ErrDimension, len(queries), dim)}
	case opt != nil && opt.Engine != Own && opt.Engine != Upstream:
		return &Error{Op: opQuery, Err: fmt.Errorf("%w: engine %d is none of Own, Upstream", ErrConfig, opt.Engine)}
	case opt != nil && (opt.Ef < 0 || opt.Threads < 0):
		return &Error{Op: opQuery, Err: fmt.Errorf("%w: ef %d and %d threads: none may be negative", ErrConfig, opt.Ef, opt.Threads)}
	case opt != nil && opt.Recall != 0 && !(opt.Recall > 0 && opt.Recall < 1):
		return &Error{Op: opQuery, Err: fmt.Errorf("%w: recall %v is not between 0 and 1", ErrConfig, opt.Recall)}
	case opt != nil && opt.Recall != 0 && (opt.Ef != 0 || opt.Engine != Own):
		return &Error{Op: opQuery, Err: fmt.Errorf("%w: a recall is asked for instead of an ef, and of engine Own", ErrConfig)}
	}
	return nil
}

// threadsFor returns the number of threads for n queries, at least 1.
func (ix *Index) threadsFor(n int, opt *Query) int {
	if n < 2*queriesPerThread {
		return 1
	}
	threads := opt.threads()
	if threads == 0 {
		threads = ix.Threads()
	}
	return min(threads, n/queriesPerThread)
}

// inSlices runs work over 0 to n on so many goroutines, one of them the
// caller's, and returns the first error. After one, no new slice is begun.
func inSlices(n, threads int, work func(start, end int) error) error {
	size := min(querySlice, max(1, n/(4*threads))) // so that all end at about the same time
	return inParts(n, threads, size, work)
}

// inParts is inSlices for parts of a size.
func inParts(n, threads, size int, work func(start, end int) error) error {
	var (
		next atomic.Int64
		once sync.Once
		err  error
		wg   sync.WaitGroup
	)
	take := func() {
		for {
			end := int(next.Add(int64(size)))
			start := end - size
			if start >= n {
				return
			}
			if e := work(start, min(end, n)); e != nil {
				once.Do(func() { err = e })
				next.Store(int64(n))
			}
		}
	}
	for range threads - 1 {
		wg.Go(take)
	}
	take()
	wg.Wait()
	return err
}

// querySlice answers queries start to end into rows.
func (ix *Index) querySlice(queries []float32, k int, opt *Query, aim aim, rows [][]Neighbor, start, end int) error {
	ix.gate.share()
	defer ix.gate.unshare()
	if err := ix.searchable(opQuery); err != nil {
		return err
	}
	allowed, matches := ix.view(opt.filter())
	// More than there is would only be room left empty. At least 1, so that the
	// queries are checked where nothing passes the filter too.
	k = max(1, min(k, matches))
	var counts [querySlice]uint32
	flat := make([]Neighbor, (end-start)*k)
	wish := ix.wish(k, opt, aim, allowed, matches)
	if err := csrc.Search(ix.c, queries[start*ix.dim:end*ix.dim], wish, flat, counts[:end-start]); err != nil {
		return failed(opQuery, err)
	}
	for i := range end - start {
		rows[start+i] = flat[i*k : i*k+int(counts[i]) : (i+1)*k]
	}
	return nil
}

// fillSlice answers queries start to end into out and counts.
func (ix *Index) fillSlice(queries []float32, k int, opt *Query, aim aim, out []Neighbor, counts []uint32, start, end int) error {
	ix.gate.share()
	defer ix.gate.unshare()
	if err := ix.searchable(opQuery); err != nil {
		return err
	}
	allowed, matches := ix.view(opt.filter())
	wish := ix.wish(k, opt, aim, allowed, matches)
	return failed(opQuery, csrc.Search(ix.c, queries[start*ix.dim:end*ix.dim], wish, out[start*k:end*k], counts[start:end]))
}

// wish is what C++ is asked for. It must be called with the gate passed.
func (ix *Index) wish(k int, opt *Query, aim aim, allowed []uint64, matches int) csrc.Wish {
	w := csrc.Wish{K: k, Ef: opt.ef(ix.ef), Engine: opt.engine(), Allowed: allowed, Matches: matches}
	if aim.ef > 0 {
		w.Ef, w.Slack, w.SlackK, w.Longest = aim.ef, aim.slack, aim.k, aim.longest
	}
	return w
}

// view returns what f lets in, a bitmap over the slots or nil for all that is
// live, and how much that is. It must be called with the gate passed.
func (ix *Index) view(f *Filter) (allowed []uint64, matches int) {
	if f == nil {
		return nil, ix.stats.Live
	}
	v := f.known(ix.stats.Stamp)
	if v == nil {
		v = f.find(ix.c, ix.stats.Stamp, ix.stats.Slots)
	}
	return v.allowed, v.matches
}

func (q *Query) filter() *Filter {
	if q == nil {
		return nil
	}
	return q.Filter
}

func (q *Query) engine() int {
	if q == nil {
		return int(Own)
	}
	return int(q.Engine)
}

func (q *Query) threads() int {
	if q == nil {
		return 0
	}
	return q.Threads
}

func (q *Query) ef(otherwise int) int {
	if q != nil && q.Ef > 0 {
		otherwise = q.Ef
	}
	return min(otherwise, math.MaxInt32)
}
