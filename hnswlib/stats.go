package hnswlib

import (
	"iter"

	"github.com/minnow-search/minnow/csrc"
)

// Stats is what an index looks like inside.
type Stats struct {
	Live        int // labels that answers may contain
	Deleted     int // labels marked deleted
	Superseded  int // way-points left by replaced vectors and forgotten labels
	Slots       int // rows of the graph in use: the sum of these three
	MaxElements int // see [Index.MaxElements]

	// Levels[l] is the number of slots whose highest level is l; Degrees[d] that
	// of the slots with d links on level 0, for d up to 2*M.
	Levels  []uint64
	Degrees []uint64

	// Unreachable is the number of slots that no way on level 0 leads to from
	// the entry point: only a scan finds them. Upstream's heuristic cuts off a
	// few now and then, above all among equal vectors.
	Unreachable int

	// Bytes is the memory outside Go's heap, room for growth included.
	Bytes int64
}

// Stats looks at every slot, which takes milliseconds per 100,000; queries go
// on meanwhile.
func (ix *Index) Stats() (Stats, error) {
	var s Stats
	err := ix.shared("stats", func() *csrc.Error {
		c := ix.stats
		s = Stats{
			Live: c.Live, Deleted: c.Deleted, Superseded: c.Slots - c.Live - c.Deleted, Slots: c.Slots,
			MaxElements: ix.capacity, Degrees: make([]uint64, 2*c.M+1), Bytes: ix.c.Memory(),
		}
		levels := make([]uint64, 64)
		unreachable, err := ix.c.Survey(levels, s.Degrees)
		s.Unreachable = unreachable
		for len(levels) > 0 && levels[len(levels)-1] == 0 {
			levels = levels[:len(levels)-1]
		}
		s.Levels = levels
		return err
	})
	return s, err
}

// All iterates over the live labels in ascending order, with copies of their
// vectors, which are the caller's (upstream: get_ids_list and get_items). It
// starts from the labels that there are at its beginning and leaves out those
// that are deleted before it comes to them; no lock is held while the loop's
// body runs. A closed index has none.
func (ix *Index) All() iter.Seq2[uint64, []float32] {
	return all(ix.Labels, ix.Items)
}

func all(labels func() []uint64, items func([]uint64) ([][]float32, error)) iter.Seq2[uint64, []float32] {
	return func(yield func(uint64, []float32) bool) {
		for _, l := range labels() {
			v, err := items([]uint64{l})
			if err != nil {
				continue // deleted by now, or closed
			}
			if !yield(l, v[0]) {
				return
			}
		}
	}
}
