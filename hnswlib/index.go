package hnswlib

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/minnow-search/minnow/csrc"
)

// Index is a graph of vectors under uint64 labels, in memory that Go's
// collector does not see: Close it. All methods may be called from any
// goroutine at any time.
type Index struct {
	// Locks, in the order in which they are taken.
	//
	// A waiting mu.Lock holds up every query that comes after it. So it is only
	// taken with writeMu held, and whoever needs the index unchanged for long
	// (Save, a rebuild) holds writeMu: writers then wait there, out of the way
	// of the queries.
	addMu   sync.Mutex   // one Add, Resize or Compact at a time, from its checks to its end
	writeMu sync.Mutex   // one change at a time, or none during a Save
	mu      sync.RWMutex // guards what follows: shared by queries, exclusive for a change

	c        csrc.Index
	closed   bool
	poison   error      // of a change that broke off half-way
	stats    csrc.Stats // of c
	capacity int        // labels to have room for: MaxElements
	ef       int
	threads  int

	alarm runtime.Cleanup // frees c if Close never does

	// Immutable.
	space          Space
	dim            int
	m              int
	efConstruction int
	fixed          bool
	replaceDeleted bool
	fs             fileSystem
}

// New returns an empty index. Its vectors have dim components, 1 to 2^20.
// Wrong arguments are [ErrConfig].
func New(space Space, dim int, cfg *Config) (*Index, error) {
	const op = "new"
	config, err := cfg.withDefaults()
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	if config.FixedCapacity && config.MaxElements == 0 {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: FixedCapacity needs MaxElements", ErrConfig)}
	}
	capacity := orDefault(config.MaxElements, defaultMaxElements)
	settings, err := config.settings(space, dim, capacity)
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	c, cerr := csrc.New(settings)
	if cerr != nil {
		return nil, failed(op, cerr)
	}
	return newIndex(c, space, dim, capacity, config), nil
}

func newIndex(c csrc.Index, space Space, dim, capacity int, cfg Config) *Index {
	ix := &Index{
		c: c, stats: c.Stat(), capacity: capacity, ef: defaultEf, threads: cfg.Threads,
		space: space, dim: dim, fixed: cfg.FixedCapacity, replaceDeleted: cfg.ReplaceDeleted, fs: osFS{},
	}
	ix.m, ix.efConstruction = ix.stats.M, ix.stats.EfConstruction
	ix.setAlarm()
	return ix
}

// Close frees the index's memory. Later calls of Close do nothing; of the other
// methods they fail with [ErrClosed], or report an empty index where they
// cannot fail. An Add that is under way breaks off.
func (ix *Index) Close() error {
	ix.writeMu.Lock()
	defer ix.writeMu.Unlock()
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.closed {
		return nil
	}
	ix.closed = true
	ix.alarm.Stop()
	ix.c.Free()
	ix.c, ix.stats, ix.capacity = csrc.Index{}, csrc.Stats{}, 0
	return nil
}

// usable must be called with mu held, and says whether c may be used.
func (ix *Index) usable(op string) error {
	if ix.closed {
		return &Error{Op: op, Err: ErrClosed}
	}
	if ix.poison != nil {
		return &Error{Op: op, Err: ix.poison}
	}
	return nil
}

// shared runs f beside other readers.
func (ix *Index) shared(op string, f func() *csrc.Error) error {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	if err := ix.usable(op); err != nil {
		return err
	}
	return failed(op, f())
}

// change runs f alone. An internal error poisons the index, as nobody can say
// what state it is in.
func (ix *Index) change(op string, f func() *csrc.Error) error {
	ix.writeMu.Lock()
	defer ix.writeMu.Unlock()
	return ix.exclusive(op, f)
}

// exclusive is change for a caller that holds writeMu.
func (ix *Index) exclusive(op string, f func() *csrc.Error) error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if err := ix.usable(op); err != nil {
		return err
	}
	cerr := f()
	if cerr != nil && cerr.Code == csrc.Internal {
		ix.poison = fmt.Errorf("%w: an earlier %s broke off: %s; load or build the index again", ErrInternal, op, cerr.Msg)
		return failed(op, cerr)
	}
	ix.stats = ix.c.Stat()
	return failed(op, cerr)
}

// Space returns the space given to New or Load.
func (ix *Index) Space() Space { return ix.space }

// Dim returns the number of components of a vector.
func (ix *Index) Dim() int { return ix.dim }

// M returns the number of links per element and level (upstream: get_M).
func (ix *Index) M() int { return ix.m }

// EfConstruction returns the size of the candidate list while adding.
func (ix *Index) EfConstruction() int { return ix.efConstruction }

// Ef returns the size of the candidate list while searching. It is 10 in a new
// or loaded index: the file does not keep it.
func (ix *Index) Ef() int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.ef
}

// SetEf sets the size of the candidate list of queries that do not bring their
// own (upstream: set_ef). More means better recall and slower queries. It must
// be positive, else [ErrConfig]; values below a query's k act as k.
func (ix *Index) SetEf(ef int) error {
	const op = "set ef"
	if ef < 1 {
		return &Error{Op: op, Err: fmt.Errorf("%w: ef %d is not positive", ErrConfig, ef)}
	}
	return ix.change(op, func() *csrc.Error {
		ix.ef = ef
		return nil
	})
}

// Len returns the number of live elements.
func (ix *Index) Len() int { return ix.count().Live }

// DeletedLen returns the number of labels marked deleted.
func (ix *Index) DeletedLen() int { return ix.count().Deleted }

// MaxElements returns the number of labels, live or deleted, that the index
// holds before it grows or, with FixedCapacity, is full.
func (ix *Index) MaxElements() int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.capacity
}

func (ix *Index) count() csrc.Stats {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.stats
}

// Check verifies the graph from end to end: links, levels, entry point, labels,
// counts and vectors. What it finds is [ErrCorrupt] and should never happen. It
// looks at everything once; queries go on meanwhile, changes wait.
func (ix *Index) Check() error {
	ix.writeMu.Lock()
	defer ix.writeMu.Unlock()
	return ix.shared("check", func() *csrc.Error { return ix.c.Verify() })
}
