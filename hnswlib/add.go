package hnswlib

import (
	"fmt"

	"github.com/minnow-search/minnow/csrc"
)

// addSlice is the number of vectors added in one exclusive slice. At about a
// millisecond each it bounds what a query waits during an import.
const addSlice = 8

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
// Adds wait for each other and add on one thread, so that the same calls with
// the same seed build the same graph. A long Add lets queries, deletes and
// saves in between its slices of a few vectors.
//
// A replaced vector stays in the graph as a way-point, unseen in any answer.
// When such leftovers outnumber the labels, the Add that needs room rebuilds
// the graph without them, which takes as long as adding its elements did;
// queries go on meanwhile.
func (ix *Index) Add(vecs []float32, labels []uint64) error {
	const op = "add"
	if len(vecs) != len(labels)*ix.dim {
		return &Error{Op: op, Err: fmt.Errorf("%w: %d floats for %d labels of dimension %d, want %d",
			ErrDimension, len(vecs), len(labels), ix.dim, len(labels)*ix.dim)}
	}
	ix.addMu.Lock()
	defer ix.addMu.Unlock()
	var newLabels int
	err := ix.shared(op, func() (err *csrc.Error) {
		newLabels, err = ix.c.Precheck(vecs, labels)
		return err
	})
	if err != nil {
		return err
	}
	if err := ix.makeRoom(op, newLabels, len(labels)); err != nil {
		return err
	}
	for len(labels) > 0 {
		n := min(addSlice, len(labels))
		err := ix.change(op, func() *csrc.Error { return ix.c.Add(vecs[:n*ix.dim], labels[:n]) })
		if err != nil {
			return err
		}
		vecs, labels = vecs[n*ix.dim:], labels[n:]
	}
	return nil
}

// makeRoom lets newLabels more labels and rows more rows in, or fails. It needs
// addMu: only its holders add labels or rows.
func (ix *Index) makeRoom(op string, newLabels, rows int) error {
	s, capacity := ix.count(), ix.MaxElements()
	known := s.Live + s.Deleted
	if ix.fixed && known+newLabels > capacity {
		return &Error{Op: op, Err: fmt.Errorf("%w: %d labels and %d new ones are over the fixed capacity %d",
			ErrFull, known, newLabels, capacity)}
	}
	if s.Slots+rows <= s.Room {
		return nil
	}
	if superseded := s.Slots - known; superseded >= rebuildAt && superseded >= known {
		if err := ix.rebuild(op, true); err != nil {
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
		fresh, err = ix.c.Compact(keepDeleted)
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
