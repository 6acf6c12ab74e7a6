package hnswlib

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/minnow-search/minnow/csrc"
)

// Threads returns the number of threads that one Add or one batch of queries may
// use (upstream: get_num_threads).
func (ix *Index) Threads() int {
	ix.gate.share()
	defer ix.gate.unshare()
	return threadsOr(ix.threads)
}

// SetThreads sets that number (upstream: set_num_threads). Zero is all cores, as
// in [Config]; fewer are [ErrConfig].
func (ix *Index) SetThreads(n int) error {
	const op = "set threads"
	if n < 0 {
		return &Error{Op: op, Err: fmt.Errorf("%w: %d threads", ErrConfig, n)}
	}
	return ix.change(op, func() *csrc.Error {
		ix.threads = n
		return nil
	})
}

func threadsOr(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

// onThreads runs work on n goroutines, one of them the caller's, waits for all,
// and returns an error if any did. They sit in C++ on a thread each: Go keeps a
// pool of those, so that sharing a slice of a few milliseconds costs little; a
// second pool in C++ would gain nothing. Starting two costs about 1 µs, where
// two of C++'s own threads take about 30.
func onThreads(n int, work func() *csrc.Error) *csrc.Error {
	var wg sync.WaitGroup
	errs := make([]*csrc.Error, n)
	for i := range n - 1 {
		wg.Go(func() { errs[i] = work() })
	}
	errs[n-1] = work()
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
