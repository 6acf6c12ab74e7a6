package hnswlib

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/minnow-search/minnow/csrc"
	"github.com/minnow-search/minnow/internal/durable"
)

// Index is a graph of vectors under uint64 labels, in memory that Go's
// collector does not see: Close it. All methods may be called from any
// goroutine at any time.
type Index struct {
	gate gate // of what follows

	c        csrc.Index
	open     bool
	poison   error      // of a change that broke off half-way
	stats    csrc.Stats // of c
	capacity int        // labels to have room for: MaxElements
	ef       int
	threads  int

	alarm runtime.Cleanup // frees c if Close never does

	calibrating  sync.Mutex // one at a time; taken before the gate
	calibrations sync.Map   // k -> *Calibration

	// Immutable.
	space          Space
	dim            int
	m              int
	efConstruction int
	fixed          bool
	replaceDeleted bool
	fs             durable.FS
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
		gate: gate{turn: make(chan struct{}, 1)},
		c:    c, open: true, stats: c.Stat(), capacity: capacity, ef: defaultEf, threads: cfg.Threads,
		space: space, dim: dim, fixed: cfg.FixedCapacity, replaceDeleted: cfg.ReplaceDeleted, fs: durable.OS{},
	}
	ix.m, ix.efConstruction = ix.stats.M, ix.stats.EfConstruction
	ix.setAlarm()
	return ix
}

// Close frees the index's memory. Later calls of Close do nothing; of the other
// methods they fail with [ErrClosed], or report an empty index where they
// cannot fail. An Add that is under way breaks off.
func (ix *Index) Close() error {
	ix.gate.hold()
	defer ix.gate.release()
	ix.gate.mu.Lock()
	defer ix.gate.mu.Unlock()
	if !ix.open {
		return nil
	}
	ix.open = false
	ix.alarm.Stop()
	ix.c.Free()
	ix.c, ix.stats, ix.capacity = csrc.Index{}, csrc.Stats{}, 0
	return nil
}

// usable must be called with the gate passed, and says whether c may be used.
func (ix *Index) usable(op string) error {
	if !ix.open {
		return &Error{Op: op, Err: ErrClosed}
	}
	if ix.poison != nil {
		return &Error{Op: op, Err: ix.poison}
	}
	return nil
}

// searchable is usable for a query.
func (ix *Index) searchable(op string) error {
	if err := ix.usable(op); err != nil {
		return err
	}
	if ix.stats.Live == 0 {
		return &Error{Op: op, Err: fmt.Errorf("%w: it has no live element and %d deleted ones", ErrEmpty, ix.stats.Deleted)}
	}
	return nil
}

// shared runs f beside other readers.
func (ix *Index) shared(op string, f func() *csrc.Error) error {
	ix.gate.share()
	defer ix.gate.unshare()
	if err := ix.usable(op); err != nil {
		return err
	}
	return failed(op, f())
}

// change runs f alone. An internal error poisons the index, as nobody can say
// what state it is in.
func (ix *Index) change(op string, f func() *csrc.Error) error {
	ix.gate.hold()
	defer ix.gate.release()
	return ix.exclusive(op, f)
}

// exclusive is change for a caller that keeps other changes away.
func (ix *Index) exclusive(op string, f func() *csrc.Error) error {
	ix.gate.mu.Lock()
	defer ix.gate.mu.Unlock()
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
	ix.gate.share()
	defer ix.gate.unshare()
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
	ix.gate.share()
	defer ix.gate.unshare()
	return ix.capacity
}

func (ix *Index) count() csrc.Stats {
	ix.gate.share()
	defer ix.gate.unshare()
	return ix.stats
}

// Check verifies the graph from end to end: links, levels, entry point, labels,
// counts and vectors. What it finds is [ErrCorrupt] and should never happen. It
// looks at everything once; queries go on meanwhile, changes wait.
func (ix *Index) Check() error {
	ix.gate.hold()
	defer ix.gate.release()
	return ix.shared("check", func() *csrc.Error { return ix.c.Verify() })
}
