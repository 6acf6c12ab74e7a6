package hnswlib

import (
	"context"
	"sync"
	"sync/atomic"
)

// gate is how goroutines share an Index. Its locks are taken in the order in
// which they stand here.
//
// A waiting mu.Lock holds up every query that comes after it. So it is only
// taken with write held, and whoever needs the index unchanged for long (Save, a
// rebuild) holds write: writers then wait there, out of the way of the queries.
type gate struct {
	turn  chan struct{} // full while an Add, Resize or Compact is under way, from its checks to its end
	write sync.Mutex    // one change at a time, or none during a Save
	mu    sync.RWMutex  // guards the index: shared by queries, exclusive for a change

	// waiting counts who cannot have write or mu. While it is not zero, an Add
	// that has them ends its slice early.
	waiting atomic.Int32
}

// enter waits for the turn, or for ctx to end.
func (g *gate) enter(ctx context.Context) error {
	if g.turn == nil { // the zero value of Index
		return ErrClosed
	}
	select {
	case g.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) leave() { <-g.turn }

// hold keeps changes away.
func (g *gate) hold() {
	if g.write.TryLock() {
		return
	}
	g.waiting.Add(1)
	g.write.Lock()
	g.waiting.Add(-1)
}

func (g *gate) release() { g.write.Unlock() }

// share lets other readers in, and no change.
func (g *gate) share() {
	if g.mu.TryRLock() {
		return
	}
	g.waiting.Add(1)
	g.mu.RLock()
	g.waiting.Add(-1)
}

func (g *gate) unshare() { g.mu.RUnlock() }
