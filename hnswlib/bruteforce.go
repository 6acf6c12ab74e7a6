package hnswlib

import (
	"fmt"
	"iter"
	"runtime"
	"sync"

	"github.com/minnow-search/minnow/csrc"
	"github.com/minnow-search/minnow/internal/durable"
)

// BruteForce is an index that looks at every vector for every query: exact, with
// no graph to build, and faster than one up to some ten thousand vectors a query
// (upstream: BFIndex). Its words, errors and rules are those of [Index]: own
// labels, memory outside of Go's heap, Close, any call from any goroutine.
type BruteForce struct {
	writeMu sync.Mutex   // one change at a time, or none during a Save
	mu      sync.RWMutex // guards what follows: shared by queries, exclusive for a change, and then under writeMu

	c        csrc.Flat
	open     bool
	stats    csrc.Stats // of c
	capacity int
	threads  int

	alarm runtime.Cleanup

	// Immutable.
	space Space
	dim   int
	fixed bool
	fs    durable.FS
}

// NewBruteForce returns an empty index of vectors with dim components, 1 to
// 2^20. Of cfg, MaxElements, FixedCapacity and Threads matter. Wrong arguments
// are [ErrConfig].
func NewBruteForce(space Space, dim int, cfg *Config) (*BruteForce, error) {
	const op = "new"
	config, err := cfg.withDefaults()
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	if config.FixedCapacity && config.MaxElements == 0 {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: FixedCapacity needs MaxElements", ErrConfig)}
	}
	return newBruteForce(op, space, dim, orDefault(config.MaxElements, defaultMaxElements), config)
}

func newBruteForce(op string, space Space, dim, capacity int, cfg Config) (*BruteForce, error) {
	settings, err := cfg.settings(space, dim, capacity)
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	c, cerr := csrc.NewFlat(settings)
	if cerr != nil {
		return nil, failed(op, cerr)
	}
	bf := &BruteForce{
		c: c, open: true, stats: c.Stat(), capacity: capacity, threads: cfg.Threads,
		space: space, dim: dim, fixed: cfg.FixedCapacity, fs: durable.OS{},
	}
	bf.alarm = newAlarm(bf, c)
	return bf, nil
}

// Close frees the index's memory, as [Index.Close] does.
func (bf *BruteForce) Close() error {
	bf.writeMu.Lock()
	defer bf.writeMu.Unlock()
	bf.mu.Lock()
	defer bf.mu.Unlock()
	if !bf.open {
		return nil
	}
	bf.open = false
	bf.alarm.Stop()
	bf.c.Free()
	bf.c, bf.stats, bf.capacity = csrc.Flat{}, csrc.Stats{}, 0
	return nil
}

func (bf *BruteForce) shared(op string, f func() error) error {
	bf.mu.RLock()
	defer bf.mu.RUnlock()
	if !bf.open {
		return &Error{Op: op, Err: ErrClosed}
	}
	return f()
}

// exclusive needs writeMu. No change can break off half-way, so nothing is
// poisoned.
func (bf *BruteForce) exclusive(op string, f func() *csrc.Error) error {
	bf.mu.Lock()
	defer bf.mu.Unlock()
	if !bf.open {
		return &Error{Op: op, Err: ErrClosed}
	}
	err := f()
	bf.stats = bf.c.Stat()
	return failed(op, err)
}

// Add inserts vectors under labels, or replaces those of labels that are there
// (upstream: add_items). vecs is row-major, len(labels)*Dim() floats; both slices
// are only read, and not kept. A failed Add adds nothing; its errors are those
// of [Index.Add].
func (bf *BruteForce) Add(vecs []float32, labels []uint64) error {
	if len(vecs) != len(labels)*bf.dim {
		return &Error{Op: opAdd, Err: fmt.Errorf("%w: %d floats for %d labels of dimension %d, want %d",
			ErrDimension, len(vecs), len(labels), bf.dim, len(labels)*bf.dim)}
	}
	bf.writeMu.Lock()
	defer bf.writeMu.Unlock()
	var fresh int
	err := bf.shared(opAdd, func() error {
		n, err := bf.c.Precheck(vecs, labels)
		fresh = n
		return failed(opAdd, err)
	})
	if err != nil {
		return err
	}
	want := bf.stats.Slots + fresh // only holders of writeMu change it
	if bf.fixed && want > bf.capacity {
		return &Error{Op: opAdd, Err: fmt.Errorf("%w: %d labels and %d new ones are over the fixed capacity %d",
			ErrFull, bf.stats.Slots, fresh, bf.capacity)}
	}
	return bf.exclusive(opAdd, func() *csrc.Error {
		if want > bf.stats.Room {
			room := max(want, min(bf.stats.Room+bf.stats.Room/2, csrc.MaxSlots))
			if err := bf.c.Reserve(room); err != nil {
				return err
			}
			bf.capacity = max(bf.capacity, room)
		}
		return bf.c.Add(vecs, labels)
	})
}

// Delete takes labels out (upstream: delete_vector). If any is unknown, nothing
// changes and the error is [ErrNotFound].
func (bf *BruteForce) Delete(labels []uint64) error {
	const op = "delete"
	bf.writeMu.Lock()
	defer bf.writeMu.Unlock()
	return bf.exclusive(op, func() *csrc.Error { return bf.c.Delete(labels) })
}

// KNNQuery finds the k nearest elements of each query, exactly (upstream:
// knn_query), as [Index.KNNQuery] says. Of opt, Filter and Threads matter.
func (bf *BruteForce) KNNQuery(queries []float32, k int, opt *Query) ([][]Neighbor, error) {
	if err := checkQuery(queries, bf.dim, k, opt); err != nil {
		return nil, err
	}
	n := len(queries) / bf.dim
	threads := opt.threads()
	if threads == 0 {
		threads = bf.Threads()
	}
	rows := make([][]Neighbor, n)
	if n == 0 {
		return rows, bf.querySlice(queries, k, opt, rows, 0, 0)
	}
	err := inSlices(n, max(1, min(threads, n/queriesPerThread)), func(start, end int) error {
		return bf.querySlice(queries, k, opt, rows, start, end)
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (bf *BruteForce) querySlice(queries []float32, k int, opt *Query, rows [][]Neighbor, start, end int) error {
	return bf.shared(opQuery, func() error {
		if bf.stats.Live == 0 {
			return &Error{Op: opQuery, Err: fmt.Errorf("%w: it has no element", ErrEmpty)}
		}
		var allowed []uint64
		matches := bf.stats.Live
		if f := opt.filter(); f != nil {
			v := f.find(bf.c, bf.stats.Stamp, bf.stats.Slots)
			allowed, matches = v.allowed, v.matches
		}
		k := max(1, min(k, matches))
		var counts [querySlice]uint32
		flat := make([]Neighbor, (end-start)*k)
		err := csrc.SearchFlat(bf.c, queries[start*bf.dim:end*bf.dim], k, allowed, matches, flat, counts[:end-start])
		for i := range end - start {
			rows[start+i] = flat[i*k : i*k+int(counts[i]) : (i+1)*k]
		}
		return failed(opQuery, err)
	})
}

// Items returns copies of the vectors stored under labels, in their order. A
// cosine index returns them normalised. An unknown label is [ErrNotFound].
func (bf *BruteForce) Items(labels []uint64) ([][]float32, error) {
	flat := make([]float32, len(labels)*bf.dim)
	err := bf.shared("items", func() error { return failed("items", bf.c.Items(labels, flat)) })
	if err != nil {
		return nil, err
	}
	return rowsOf(flat, bf.dim, len(labels)), nil
}

// Labels returns the labels in ascending order. It is empty for a closed index.
func (bf *BruteForce) Labels() []uint64 {
	var labels []uint64
	err := bf.shared("labels", func() error {
		labels = make([]uint64, bf.stats.Live)
		_, err := bf.c.Labels(labels)
		return failed("labels", err)
	})
	if err != nil {
		return nil
	}
	return labels
}

// All iterates over labels and copies of their vectors, as [Index.All] does.
func (bf *BruteForce) All() iter.Seq2[uint64, []float32] {
	return all(bf.Labels, bf.Items)
}

// Has says whether label is there.
func (bf *BruteForce) Has(label uint64) bool {
	found := false
	err := bf.shared("has", func() error {
		found = bf.c.Has(label)
		return nil
	})
	return err == nil && found
}

// Space returns the space given to NewBruteForce or LoadBruteForce.
func (bf *BruteForce) Space() Space { return bf.space }

// Dim returns the number of components of a vector.
func (bf *BruteForce) Dim() int { return bf.dim }

// Len returns the number of elements.
func (bf *BruteForce) Len() int {
	bf.mu.RLock()
	defer bf.mu.RUnlock()
	return bf.stats.Live
}

// MaxElements returns the number of elements that the index holds before it
// grows or, with FixedCapacity, is full.
func (bf *BruteForce) MaxElements() int {
	bf.mu.RLock()
	defer bf.mu.RUnlock()
	return bf.capacity
}

// Threads returns the number of threads that one batch of queries may use
// (upstream: get_num_threads).
func (bf *BruteForce) Threads() int { return threadsOr(bf.threads) }
