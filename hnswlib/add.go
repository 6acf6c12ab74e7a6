package hnswlib

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/minnow-search/minnow/csrc"
)

// Vectors enter in slices that run alone, and so hold up whoever comes meanwhile.
// A slice that nobody waits for goes on to mostSlice vectors, as each begins and
// ends with threads that have nothing to do; once somebody waits, it ends as soon
// as it has lasted about sliceTime, so that an Add gets on under constant queries
// too. How many vectors that is, it learns from the slice before.
const (
	sliceTime  = time.Millisecond
	firstSlice = 2 // a thread
	mostSlice  = 4096
)

// serialStart is the number of elements that one thread adds alone, so that the
// others find a graph to link to, and not each other's first vectors.
const serialStart = 256

// rebuildAt is the number of superseded slots under which a rebuild is not
// worth its trouble.
const rebuildAt = 256

// Add inserts vectors under labels (upstream: add_items). vecs is row-major,
// len(labels)*Dim() floats; both slices are only read, and not kept.
//
// A label that is live has its vector replaced, and a deleted one comes back to
// life with the new vector. Everything is checked before the first change, and
// a failed Add adds nothing: [ErrDimension], [ErrNotFinite], [ErrZeroVector]
// (cosine), [ErrDuplicateLabel], [ErrFull] (fixed capacity), [ErrNoMemory]. Two
// exceptions: Close lets it break off, and after [ErrInternal] the index is of
// no more use.
//
// Adds wait for each other. One Add uses all cores unless [Config] or
// [Index.SetThreads] says otherwise; on one thread, the same calls with the same
// seed build the same graph, which is upstream's own. A long Add lets queries,
// deletes and saves in between its slices of about a millisecond.
//
// A replaced vector stays in the graph as a way-point, unseen in any answer.
// When such leftovers outnumber the labels, the Add that needs room rebuilds
// the graph without them, which takes as long as adding its elements did;
// queries go on meanwhile.
func (ix *Index) Add(vecs []float32, labels []uint64) error {
	return ix.AddContext(context.Background(), vecs, labels)
}

// AddContext is Add that stops between two slices once ctx is done. The error
// wraps that of ctx and says how many vectors are in: those that come first in
// vecs.
func (ix *Index) AddContext(ctx context.Context, vecs []float32, labels []uint64) error {
	if err := ix.gate.enter(ctx); err != nil {
		return &Error{Op: opAdd, Err: err}
	}
	defer ix.gate.leave()
	return ix.add(ctx, vecs, labels)
}

// AddAuto is Add under labels that the index chooses and returns (upstream:
// add_items without ids): consecutive ones, from one more than the largest label
// that it has had, or 0. A label that was deleted, even compacted away, is not
// given out again, unless the index was saved and loaded in between. If not
// enough are left above the largest, it is [ErrFull].
func (ix *Index) AddAuto(vecs []float32) ([]uint64, error) {
	ctx := context.Background()
	if err := ix.gate.enter(ctx); err != nil {
		return nil, &Error{Op: opAdd, Err: err}
	}
	defer ix.gate.leave()
	if len(vecs)%ix.dim != 0 {
		return nil, &Error{Op: opAdd, Err: fmt.Errorf("%w: %d floats are no multiple of dimension %d",
			ErrDimension, len(vecs), ix.dim)}
	}
	labels := make([]uint64, len(vecs)/ix.dim)
	s := ix.count()
	if uint64(len(labels)) > s.LabelsLeft {
		return nil, &Error{Op: opAdd, Err: fmt.Errorf("%w: %d labels are left above the largest, %d vectors want one",
			ErrFull, s.LabelsLeft, len(labels))}
	}
	for i := range labels {
		labels[i] = s.NextLabel + uint64(i)
	}
	if err := ix.add(ctx, vecs, labels); err != nil {
		return nil, err
	}
	return labels, nil
}

const opAdd = "add"

// add needs the turn.
func (ix *Index) add(ctx context.Context, vecs []float32, labels []uint64) error {
	if len(vecs) != len(labels)*ix.dim {
		return &Error{Op: opAdd, Err: fmt.Errorf("%w: %d floats for %d labels of dimension %d, want %d",
			ErrDimension, len(vecs), len(labels), ix.dim, len(labels)*ix.dim)}
	}
	var newLabels int
	err := ix.shared(opAdd, func() (err *csrc.Error) {
		newLabels, err = ix.c.Precheck(vecs, labels)
		return err
	})
	if err != nil {
		return err
	}
	if err := ix.makeRoom(ctx, newLabels, len(labels)); err != nil {
		return err
	}
	defer interrupt(ctx, &ix.gate.waiting)()
	threads := ix.Threads()
	sure := firstSlice * threads
	most := sure
	for done := 0; done < len(labels); {
		if err := ctx.Err(); err != nil {
			return &Error{Op: opAdd, Err: fmt.Errorf("%w: %d of %d vectors are in", err, done, len(labels))}
		}
		var n int
		var took time.Duration
		err := ix.change(opAdd, func() (err *csrc.Error) {
			begin := time.Now()
			left := min(most, len(labels)-done)
			n, err = ix.slice(vecs[done*ix.dim:(done+left)*ix.dim], labels[done:done+left], sure, threads)
			took = time.Since(begin)
			return err
		})
		if err != nil {
			return err
		}
		done += n
		sure = inSliceTime(n, took, threads)
		most = min(4*n, mostSlice)
	}
	return nil
}

// interrupt adds 1 to flag when ctx ends, until the function that it returns is called.
func interrupt(ctx context.Context, flag *atomic.Int32) (undo func()) {
	added := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		flag.Add(1)
		close(added)
	})
	return func() {
		if !stop() {
			<-added
			flag.Add(-1)
		}
	}
}

// inSliceTime returns how many vectors fit into sliceTime where n took d: at
// least one a thread, and at most twice n, should that have been too quick to be
// true.
func inSliceTime(n int, d time.Duration, threads int) int {
	fit := float64(n) * float64(sliceTime) / float64(max(d, 1))
	return int(max(min(fit, float64(2*n)), float64(threads)))
}

// slice inserts the vectors or, if somebody waits, at least the first sure of
// them, and returns how many. It must be called with the gate closed.
func (ix *Index) slice(vecs []float32, labels []uint64, sure, threads int) (int, *csrc.Error) {
	n := len(labels)
	if alone := serialStart - ix.stats.Slots; alone > 0 {
		n, threads = min(n, alone), 1
	}
	if err := ix.c.Begin(vecs[:n*ix.dim], labels[:n]); err != nil {
		return 0, err
	}
	err := onThreads(min(n, threads), func() *csrc.Error { return ix.c.Insert(vecs, n, sure, &ix.gate.waiting) })
	if err != nil {
		return 0, err
	}
	return ix.c.End()
}

// makeRoom lets newLabels more labels and rows more rows in, or fails. It needs
// the turn: only who has it adds labels or rows.
func (ix *Index) makeRoom(ctx context.Context, newLabels, rows int) error {
	const op = opAdd
	s, capacity := ix.count(), ix.MaxElements()
	known := s.Live + s.Deleted
	if over := known + newLabels - capacity; ix.fixed && over > 0 {
		if !ix.replaceDeleted || over > s.Deleted {
			return &Error{Op: op, Err: fmt.Errorf("%w: %d labels and %d new ones are over the fixed capacity %d",
				ErrFull, known, newLabels, capacity)}
		}
		if err := ix.change(op, func() *csrc.Error { return ix.c.Forget(over) }); err != nil {
			return err
		}
		s = ix.count()
		known = s.Live + s.Deleted
	}
	if s.Slots+rows <= s.Room {
		return nil
	}
	keep := known
	if ix.replaceDeleted {
		keep = s.Live
	}
	if leftovers := s.Slots - keep; leftovers >= rebuildAt && leftovers >= keep {
		if err := ix.rebuild(ctx, op, !ix.replaceDeleted); err != nil {
			return err
		}
		s = ix.count()
	}
	room := s.Slots + rows
	if room <= s.Room {
		return nil
	}
	if half := s.Room + s.Room/2; half <= csrc.MaxSlots {
		room = max(room, half)
	}
	return ix.change(op, func() *csrc.Error {
		if err := ix.c.Reserve(room); err != nil {
			return err
		}
		if !ix.fixed {
			ix.capacity = max(ix.capacity, room)
		}
		return nil
	})
}

// Resize makes room for maxElements labels, live or deleted (upstream:
// resize_index). Fewer than there are is [ErrConfig].
func (ix *Index) Resize(maxElements int) error {
	const op = "resize"
	if err := ix.gate.enter(context.Background()); err != nil {
		return &Error{Op: op, Err: err}
	}
	defer ix.gate.leave()
	s := ix.count()
	if known := s.Live + s.Deleted; maxElements < max(1, known) || maxElements > csrc.MaxSlots {
		return &Error{Op: op, Err: fmt.Errorf("%w: %d elements: there are %d and may be %d",
			ErrConfig, maxElements, known, csrc.MaxSlots)}
	}
	return ix.change(op, func() *csrc.Error {
		if err := ix.c.Reserve(maxElements); err != nil {
			return err
		}
		ix.capacity = maxElements
		return nil
	})
}

// Compact rebuilds the graph of the live elements alone, in their old order,
// and forgets the deleted ones. It takes as long as adding them did and twice
// the memory; queries go on meanwhile, changes wait.
func (ix *Index) Compact() error {
	const op = "compact"
	ctx := context.Background()
	if err := ix.gate.enter(ctx); err != nil {
		return &Error{Op: op, Err: err}
	}
	defer ix.gate.leave()
	return ix.rebuild(ctx, op, false)
}

// rebuild puts a graph of the live elements, and the deleted ones with
// keepDeleted, in the place of this one. It needs the turn. If ctx ends first,
// nothing changes.
func (ix *Index) rebuild(ctx context.Context, op string, keepDeleted bool) error {
	ix.gate.hold()
	defer ix.gate.release()
	var fresh csrc.Index
	n, in := 0, 0
	err := ix.shared(op, func() (err *csrc.Error) {
		if fresh, err = ix.c.Compact(keepDeleted); err != nil {
			return err
		}
		n = ix.stats.Live
		if keepDeleted {
			n += ix.stats.Deleted
		}
		if in, err = insertAll(ctx, fresh, n, threadsOr(ix.threads)); err != nil {
			fresh.Free()
		}
		return err
	})
	if err != nil {
		return err
	}
	if in < n {
		fresh.Free()
		return &Error{Op: op, Err: fmt.Errorf("%w while the graph was being rebuilt; it is as it was", ctx.Err())}
	}
	old := fresh
	err = ix.exclusive(op, func() *csrc.Error {
		ix.alarm.Stop()
		old, ix.c = ix.c, fresh
		ix.setAlarm()
		return nil
	})
	old.Free()
	return err
}

// insertAll inserts the n vectors with which a rebuild has begun, and returns how
// many it got to before ctx ended.
func insertAll(ctx context.Context, fresh csrc.Index, n, threads int) (int, *csrc.Error) {
	var ended atomic.Int32
	defer interrupt(ctx, &ended)()
	if err := fresh.Insert(nil, serialStart, 0, &ended); err != nil {
		return 0, err
	}
	err := onThreads(max(1, min(threads, n)), func() *csrc.Error { return fresh.Insert(nil, n, 0, &ended) })
	if err != nil {
		return 0, err
	}
	return fresh.End()
}
