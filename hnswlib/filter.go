package hnswlib

import (
	"slices"
	"sync"

	"github.com/minnow-search/minnow/csrc"
)

// Filter says which labels an answer may contain (upstream: the filter of
// knn_query, a function called for every candidate). Here it is a set, evaluated
// in C++ with no call back into Go. It never changes, any number of goroutines
// and queries may share it, and it needs no Close. Labels that the index does
// not have do no harm.
//
// The first query with a filter after a change of the index matches the set
// against all labels, about a nanosecond an element for a dense set and up to a
// hundred a label for a sparse one; the result, a bit an element, is kept for
// the queries that follow. It is kept for one index: two indexes that are asked
// by turns are better off with a filter each.
type Filter struct {
	set csrc.LabelSet

	mu   sync.Mutex
	last *view
}

// view is what a filter lets in of an index in one state.
type view struct {
	stamp   uint64   // of that state
	allowed []uint64 // bitmap over the slots
	matches int
}

// Allow lets in labels and no others. The slice is not kept.
func Allow(labels []uint64) *Filter {
	return &Filter{set: setOf(labels, csrc.AllowList, csrc.AllowBitmap)}
}

// Deny lets in all labels, those that are added later as well, but these. The
// slice is not kept.
func Deny(labels []uint64) *Filter {
	return &Filter{set: setOf(labels, csrc.DenyList, csrc.DenyBitmap)}
}

// FilterFunc lets in those of labels for which keep is true, and no others:
//
//	opt := &hnswlib.Query{Filter: hnswlib.FilterFunc(ix.Labels(), isMine)}
//
// It calls keep once for each of them, here and now. So it costs a Go call a
// label, where the queries that use the filter cost none, and a label that is
// added afterwards is not in.
func FilterFunc(labels []uint64, keep func(label uint64) bool) *Filter {
	var kept []uint64
	for _, l := range labels {
		if keep(l) {
			kept = append(kept, l)
		}
	}
	return Allow(kept)
}

// setOf chooses the form: a bitmap where that is no larger than the list, which
// is when at least one in 64 of the labels between the least and the largest is
// there.
func setOf(labels []uint64, list, bitmap int) csrc.LabelSet {
	if len(labels) == 0 {
		return csrc.LabelSet{Form: list}
	}
	least, largest := slices.Min(labels), slices.Max(labels)
	if words := (largest-least)/64 + 1; words <= uint64(len(labels)) {
		set := csrc.LabelSet{Words: make([]uint64, words), Base: least, Form: bitmap}
		for _, l := range labels {
			set.Words[(l-least)/64] |= 1 << ((l - least) % 64)
		}
		return set
	}
	sorted := slices.Clone(labels)
	slices.Sort(sorted)
	return csrc.LabelSet{Words: slices.Clip(slices.Compact(sorted)), Form: list}
}

// matcher is an index that a filter can be evaluated on.
type matcher interface {
	Match(set csrc.LabelSet, bits []uint64) int
}

// known returns what f lets in of the index in the state that stamp names, or
// nil if that has to be found out.
func (f *Filter) known(stamp uint64) *view {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last != nil && f.last.stamp == stamp {
		return f.last
	}
	return nil
}

// find is known for an index that has this many slots, and must not change
// meanwhile.
func (f *Filter) find(ix matcher, stamp uint64, slots int) *view {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil || f.last.stamp != stamp { // or another goroutine was first
		v := &view{stamp: stamp, allowed: make([]uint64, slots/64+1)}
		v.matches = ix.Match(f.set, v.allowed)
		f.last = v
	}
	return f.last
}
