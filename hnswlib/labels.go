package hnswlib

import (
	"github.com/minnow-search/minnow/csrc"
)

// Items returns copies of the vectors stored under labels, in their order
// (upstream: get_items). A cosine index returns them normalised. The first
// label that is unknown or deleted is [ErrNotFound] or [ErrDeleted].
func (ix *Index) Items(labels []uint64) ([][]float32, error) {
	flat := make([]float32, len(labels)*ix.dim)
	err := ix.shared("items", func() *csrc.Error { return ix.c.Items(labels, flat) })
	if err != nil {
		return nil, err
	}
	return rowsOf(flat, ix.dim, len(labels)), nil
}

func rowsOf(flat []float32, dim, n int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = flat[i*dim : (i+1)*dim : (i+1)*dim]
	}
	return rows
}

// MarkDeleted takes labels out of all answers (upstream: mark_deleted). Their
// vectors stay in the graph as way-points, and in memory, until Compact. If any
// label is unknown or already deleted, nothing changes and the error is
// [ErrNotFound] or [ErrDeleted].
func (ix *Index) MarkDeleted(labels []uint64) error {
	return ix.change("mark deleted", func() *csrc.Error { return ix.c.Mark(labels, true) })
}

// UnmarkDeleted brings deleted labels back with their vectors (upstream:
// unmark_deleted); live ones stay as they are. If any label is unknown, nothing
// changes and the error is [ErrNotFound].
func (ix *Index) UnmarkDeleted(labels []uint64) error {
	return ix.change("unmark deleted", func() *csrc.Error { return ix.c.Mark(labels, false) })
}

// Labels returns the live labels in ascending order (upstream: get_ids_list,
// which also lists deleted ones). It is empty for a closed index.
func (ix *Index) Labels() []uint64 {
	var labels []uint64
	err := ix.shared("labels", func() (err *csrc.Error) {
		labels = make([]uint64, ix.stats.Live)
		_, err = ix.c.Labels(labels)
		return err
	})
	if err != nil {
		return nil
	}
	return labels
}

// Has says whether label is live.
func (ix *Index) Has(label uint64) bool {
	var live bool
	err := ix.shared("has", func() *csrc.Error {
		live = ix.c.Has(label)
		return nil
	})
	return err == nil && live
}
