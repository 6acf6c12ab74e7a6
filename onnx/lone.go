package onnx

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lone decides on how many cores a single batch runs, such as a query: on one as all others do, or on all, in a session
// of its own. All are quicker on an idle machine and slower on a busy one, where they wait for each other: a query of
// 14 tokens took 5.9 ms on one core and 4.1 on two; beside other work 7.2, and 10 to 16. No number that a system gives
// tells these apart beforehand, so the time that runs took decides: the way is taken whose last few runs were quicker,
// and every so often the other, to see whether that has changed. Their median counts, as the first runs after a pause
// are slow in either way.
//
// A second session of ONNX Runtime's costs the memory of the weights again, so it is opened only where lone runs are asked for
// again and again, and beside them.
type lone struct {
	opening sync.WaitGroup
	wide    atomic.Pointer[runner] // nil if it is not open yet, or could not be: then one core it is
	running atomic.Int32           // runs under way, of any kind

	mu           sync.Mutex
	runs         int
	narrow, many recent
}

const (
	openAfter = 4 // lone runs before the session is opened
	// One run in so many goes the other way: 2 % more time where one core would take twice as long. The other way round
	// it is looked at more often, as work beside ours comes and goes.
	lookAtNarrow = 64
	lookAtMany   = 16
)

// recent has the time a token of the last runs of one way, in ns.
type recent struct {
	ns [5]float64
	n  int // runs so far
}

func (r *recent) add(ns float64) {
	r.ns[r.n%len(r.ns)] = ns
	r.n++
}

// median is 0 before the first run, so that each way is tried.
func (r *recent) median() float64 {
	known := r.ns[:min(r.n, len(r.ns))]
	if len(known) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(known))
	return sorted[len(sorted)/2]
}

// pick says which session the next lone run should take. open makes the wide one.
func (l *lone) pick(narrow runner, open func() (runner, error)) runner {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runs++; l.runs == openAfter {
		l.opening.Go(func() {
			if s, err := open(); err == nil {
				l.wide.Store(&s)
			}
		})
	}
	wide := l.wide.Load()
	if wide == nil {
		return narrow
	}
	if l.many.median() <= l.narrow.median() { // so it is for the first one, too
		if l.runs%lookAtNarrow == 0 {
			return narrow
		}
		return *wide
	}
	if l.runs%lookAtMany == 0 {
		return *wide
	}
	return narrow
}

// took learns from a run of so many tokens.
func (l *lone) took(r runner, tokens int, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ns := float64(d) / float64(tokens)
	if wide := l.wide.Load(); wide != nil && r == *wide {
		l.many.add(ns)
	} else {
		l.narrow.add(ns)
	}
}

func (l *lone) close() error {
	l.opening.Wait()
	if s := l.wide.Swap(nil); s != nil {
		return (*s).close()
	}
	return nil
}
