package onnx

import (
	"sync"
	"sync/atomic"
	"time"
)

// lone decides on how many cores a single batch runs, such as a query: on one as all others do, or on all, in a session
// of its own. All are quicker on an idle machine and slower on a busy one, where they wait for each other: a query of
// 14 tokens took 5.9 ms on one core and 4.1 on two; beside other work 7.2, and 10 to 16. No number that a system gives
// tells these apart beforehand, so the time that runs took decides: the quicker way of late is taken, and every so often
// the other, to see whether that has changed.
//
// The session costs the memory of the weights again, so it is opened only where lone runs are asked for again and again,
// and beside them.
type lone struct {
	opening sync.WaitGroup
	wide    atomic.Pointer[session] // nil if it is not open yet, or could not be: then one core it is
	running atomic.Int32            // runs under way, of any kind

	mu   sync.Mutex
	runs int
	ns   [2]float64 // a token on one core and on all, averages of late; 0 before the first
}

const (
	openAfter = 4  // lone runs before the session is opened
	lookAgain = 64 // one run in so many goes the way that was slower: 2 % more time, if it takes twice as long
)

// pick says which session the next lone run should take. open makes the wide one.
func (l *lone) pick(narrow *session, open func() (*session, error)) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runs++; l.runs == openAfter {
		l.opening.Go(func() {
			if s, err := open(); err == nil {
				l.wide.Store(s)
			}
		})
	}
	wide := l.wide.Load()
	if wide == nil || (l.ns[0] <= l.ns[1] && l.ns[1] > 0) != (l.runs%lookAgain == 0) {
		return narrow
	}
	return wide
}

// took learns from a run of so many tokens.
func (l *lone) took(s *session, tokens int, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	average := &l.ns[0]
	if s == l.wide.Load() {
		average = &l.ns[1]
	}
	ns := float64(d) / float64(tokens)
	if *average == 0 {
		*average = ns
		return
	}
	*average += (ns - *average) / 4
}

func (l *lone) close() error {
	l.opening.Wait()
	if s := l.wide.Swap(nil); s != nil {
		return s.close()
	}
	return nil
}
