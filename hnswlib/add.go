package hnswlib

import (
	"context"
	"fmt"
	"time"

	"github.com/minnow-search/minnow/csrc"
)

// Vectors enter in slices that run alone, each followed by whatever queries have
// come in meanwhile: so sliceTime is about what a query waits during an import.
// The first slice has firstSlice vectors a thread, and each next one as many
// more or fewer as the last was too short or too long.
const (
	sliceTime  = 8 * time.Millisecond
	firstSlice = 8
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
// deletes and saves in between its slices of a few milliseconds.
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
	ix.addMu.Lock()
	defer ix.addMu.Unlock()
	return ix.add(ctx, vecs, labels)
}

// AddAuto is Add under labels that the index chooses and returns (upstream:
// add_items without ids): consecutive ones, from one more than the largest label
// that it has had, or 0. A label that was deleted, even compacted away, is not
// given out again, unless the index was saved and loaded in between. If not
// enough are left above the largest, it is [ErrFull].
func (ix *Index) AddAuto(vecs []float32) ([]uint64, error) {
	ix.addMu.Lock()
	defer ix.addMu.Unlock()
	if len(vecs)%max(ix.dim, 1) != 0 {
		return nil, &Error{Op: opAdd, Err: fmt.Errorf("%w: %d floats are no multiple of dimension %d",
			ErrDimension, len(vecs), ix.dim)}
	}
	labels := make([]uint64, len(vecs)/max(ix.dim, 1))
	s := ix.count()
	if uint64(len(labels)) > s.LabelsLeft {
		return nil, &Error{Op: opAdd, Err: fmt.Errorf("%w: %d labels are left above the largest, %d vectors want one",
			ErrFull, s.LabelsLeft, len(labels))}
	}
	for i := range labels {
		labels[i] = s.NextLabel + uint64(i)
	}
	if err := ix.add(context.Background(), vecs, labels); err != nil {
		return nil, err
	}
	return labels, nil
}

const opAdd = "add"

// add needs addMu.
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
	if err := ix.makeRoom(opAdd, newLabels, len(labels)); err != nil {
		return err
	}
	threads := ix.Threads()
	size := firstSlice * threads
	for done := 0; done < len(labels); {
		if err := ctx.Err(); err != nil {
			return &Error{Op: opAdd, Err: fmt.Errorf("%w: %d of %d vectors are in", err, done, len(labels))}
		}
		n := min(size, len(labels)-done)
		begin := time.Now()
		err := ix.change(opAdd, func() *csrc.Error {
			return insert(ix.c, vecs[done*ix.dim:(done+n)*ix.dim], labels[done:done+n], ix.stats.Slots, threads)
		})
		if err != nil {
			return err
		}
		done += n
		size = nextSlice(n, time.Since(begin), threads)
	}
	return nil
}

// nextSlice returns the size of the slice after one of n vectors that took d.
func nextSlice(n int, d time.Duration, threads int) int {
	fit := float64(n) * float64(sliceTime) / float64(max(d, 1))
	return int(min(max(fit, float64(threads)), float64(2*n), mostSlice))
}

// insert adds one slice to an index of so many slots.
func insert(c csrc.Index, vecs []float32, labels []uint64, slots, threads int) *csrc.Error {
	if err := c.Begin(vecs, labels); err != nil {
		return err
	}
	return finish(c, vecs, len(labels), slots, threads)
}

// finish inserts the n vectors of an addition that has begun, and ends it.
func finish(c csrc.Index, vecs []float32, n, slots, threads int) *csrc.Error {
	serial := n
	if threads > 1 {
		serial = min(n, max(0, serialStart-slots))
	}
	if err := c.Insert(vecs, serial); err != nil {
		return err
	}
	if n > serial {
		err := onThreads(min(threads, n-serial), func() *csrc.Error { return c.Insert(vecs, n) })
		if err != nil {
			return err
		}
	}
	return c.End()
}

// makeRoom lets newLabels more labels and rows more rows in, or fails. It needs
// addMu: only its holders add labels or rows.
func (ix *Index) makeRoom(op string, newLabels, rows int) error {
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
		if err := ix.rebuild(op, !ix.replaceDeleted); err != nil {
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
	ix.addMu.Lock()
	defer ix.addMu.Unlock()
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
	ix.addMu.Lock()
	defer ix.addMu.Unlock()
	return ix.rebuild("compact", false)
}

func (ix *Index) rebuild(op string, keepDeleted bool) error {
	ix.writeMu.Lock()
	defer ix.writeMu.Unlock()
	var fresh csrc.Index
	err := ix.shared(op, func() (err *csrc.Error) {
		if fresh, err = ix.c.Compact(keepDeleted); err != nil {
			return err
		}
		n := ix.stats.Live
		if keepDeleted {
			n += ix.stats.Deleted
		}
		if err = finish(fresh, nil, n, 0, threadsOr(ix.threads)); err != nil {
			fresh.Free()
		}
		return err
	})
	if err != nil {
		return err
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
