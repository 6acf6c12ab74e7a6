package minnow

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/minnow-search/minnow/hnswlib"
)

// candidate is a document on its way to being a hit.
type candidate struct {
	label    uint64 // of the passage that is shown
	document uint64 // first label of the document, by which candidates are told apart
	distance float32
	measured bool // distance is known
	bm25     float64
	score    float64

	vectorRank, textRank int // from 1; 0 for not in the list
}

// candidates returns the best documents, the best first: Offset + K of them, or
// more.
func (s *searching) candidates(ctx context.Context) ([]candidate, error) {
	a := s.ask
	var near, matching []candidate
	var err error
	if a.Mode != Text {
		if near, err = s.nearest(ctx, a.depth()); err != nil {
			return nil, err
		}
	}
	if a.Mode != Vector {
		if matching, err = s.matching(ctx, a.depth()); err != nil {
			return nil, err
		}
	}
	found := near
	switch a.Mode {
	case Text:
		found = matching
	case Hybrid:
		found = fuse(near, matching, a.Weights)
		if found, err = s.measure(ctx, found); err != nil {
			return nil, err
		}
	}
	if a.MinSimilarity != 0 {
		found = slices.DeleteFunc(found, func(x candidate) bool {
			return s.c.spec.similarity(x.distance) < a.MinSimilarity
		})
	}
	if a.Diversity > 0 {
		return s.diversify(found, a.Offset+a.K)
	}
	return found, nil
}

// filter is what the graph is asked with.
func (s *searching) filter() *hnswlib.Filter {
	if s.view == nil {
		return nil
	}
	return s.view.labels
}

// nearest returns the n nearest documents, each by its nearest passage.
func (s *searching) nearest(ctx context.Context, n int) ([]candidate, error) {
	for k := n + len(s.ask.exclude); ; k *= 4 {
		rows, err := s.ix.KNNQuery(s.ask.vec, k, &hnswlib.Query{Ef: s.ask.Ef, Recall: s.ask.Recall, Filter: s.filter()})
		if errors.Is(err, hnswlib.ErrEmpty) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		found := make([]candidate, 0, len(rows[0]))
		for _, neighbor := range rows[0] {
			if !s.ask.exclude[neighbor.Label] {
				found = append(found, candidate{
					label: neighbor.Label, document: neighbor.Label, distance: neighbor.Distance, measured: true,
				})
			}
		}
		if found, err = s.group(ctx, found); err != nil {
			return nil, err
		}
		if len(found) < n && len(rows[0]) == k {
			continue // several passages of one document were among them
		}
		found = found[:min(n, len(found))]
		for i := range found {
			found[i].vectorRank = i + 1
			found[i].score = float64(s.c.spec.similarity(found[i].distance))
		}
		return found, nil
	}
}

// group keeps the nearest passage of each document.
func (s *searching) group(ctx context.Context, found []candidate) ([]candidate, error) {
	if !s.split || s.ask.Passages {
		return found, nil
	}
	labels := make([]uint64, len(found))
	for i := range found {
		labels[i] = found[i].label
	}
	firsts, err := s.c.store.FirstLabels(ctx, labels)
	if err != nil {
		return nil, err
	}
	if len(firsts) < len(labels) {
		return nil, errStale
	}
	for i := range found {
		found[i].document = firsts[found[i].label]
	}
	seen := make(map[uint64]bool, len(found))
	return slices.DeleteFunc(found, func(x candidate) bool {
		again := seen[x.document]
		seen[x.document] = true
		return again
	}), nil
}

// matching returns the n documents that have the words best.
func (s *searching) matching(ctx context.Context, n int) ([]candidate, error) {
	wanted := func(label uint64) bool {
		return !s.ask.exclude[label] && (s.view == nil || s.view.matches.Has(label))
	}
	matches, err := s.c.store.SearchText(ctx, s.ask.words, n, wanted)
	if err != nil {
		return nil, err
	}
	found := make([]candidate, len(matches))
	for i, m := range matches {
		found[i] = candidate{label: m.Label, document: m.Label, bm25: m.BM25, score: m.BM25, textRank: i + 1}
	}
	return found, nil
}

// measure finds the distances of candidates that came by their words only, and
// which passage is the nearest. Those that the graph doesn't have yet are left
// out: they are being added.
func (s *searching) measure(ctx context.Context, found []candidate) ([]candidate, error) {
	var labels []uint64
	for _, x := range found {
		if !x.measured {
			labels = append(labels, x.label)
		}
	}
	if len(labels) == 0 {
		return found, nil
	}
	var firsts map[uint64]uint64
	if s.split {
		var err error
		if firsts, err = s.c.store.Siblings(ctx, labels); err != nil {
			return nil, err
		}
		labels = labels[:0]
		for label := range firsts {
			labels = append(labels, label)
		}
	}
	rows, err := s.ix.KNNQuery(s.ask.vec, max(1, len(labels)), &hnswlib.Query{Filter: hnswlib.Allow(labels)})
	if err != nil && !errors.Is(err, hnswlib.ErrEmpty) {
		return nil, err
	}
	nearest := make(map[uint64]hnswlib.Neighbor) // by document
	for _, row := range rows {
		for _, neighbor := range row {
			document := neighbor.Label
			if firsts != nil {
				document = firsts[neighbor.Label]
			}
			if _, known := nearest[document]; !known {
				nearest[document] = neighbor
			}
		}
	}
	for i := range found {
		if neighbor, known := nearest[found[i].document]; known && !found[i].measured {
			found[i].label, found[i].distance, found[i].measured = neighbor.Label, neighbor.Distance, true
		}
	}
	return slices.DeleteFunc(found, func(x candidate) bool { return !x.measured }), nil
}

// fuse joins two lists by reciprocal ranks; see [Hit.Score].
func fuse(near, matching []candidate, weights Weights) []candidate {
	const k = 60 // of the paper
	found := slices.Clone(near)
	at := make(map[uint64]int, len(found))
	for i := range found {
		at[found[i].document] = i
		found[i].score = weights.Vector / float64(k+found[i].vectorRank)
	}
	for _, m := range matching {
		score := weights.Text / float64(k+m.textRank)
		if i, both := at[m.document]; both {
			found[i].textRank, found[i].bm25 = m.textRank, m.bm25
			found[i].score += score
			continue
		}
		m.score = score
		found = append(found, m)
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	return found
}
