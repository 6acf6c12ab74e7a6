package minnow

import (
	"context"
	"errors"
	"fmt"

	"github.com/minnow-search/minnow/hnswlib"
)

// errStale means that the graph can't answer by itself: there is none, it
// failed, or it holds what the store no longer has.
var errStale = errors.New("graph and store disagree")

// answer searches, and again with the turn to write if something changed
// meanwhile.
func (c *Collection) answer(ctx context.Context, a *ask) ([]Hit, error) {
	if err := c.follow(ctx); err != nil {
		return nil, err
	}
	hits, err := c.search(ctx, c.graph.Load(), a)
	if !errors.Is(err, errStale) {
		return hits, err
	}
	if err := c.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer c.endTurn()
	if c.options.ReadOnly {
		return c.answerBeside(ctx, a)
	}
	// A write may have been between store and graph; now none is. If the two
	// still disagree, the graph is wrong.
	for range 2 {
		if err := c.heal(ctx, "the one in memory failed"); err != nil {
			return nil, err
		}
		ix := c.graph.Load()
		hits, err = c.search(ctx, ix, a)
		if !errors.Is(err, errStale) {
			return hits, err
		}
		c.setAside(ix, err)
	}
	return nil, err
}

// answerBeside is for a collection that only reads. What another process
// removes is in this one's graph until it catches up, and by then there may be
// more. The caller holds the turn.
func (c *Collection) answerBeside(ctx context.Context, a *ask) (hits []Hit, err error) {
	for range 100 {
		if err := c.refresh(ctx); err != nil {
			return nil, err
		}
		if err := errors.Join(c.catchUp(ctx), c.heal(ctx, "the one in memory failed")); err != nil {
			return nil, err
		}
		if hits, err = c.search(ctx, c.graph.Load(), a); !errors.Is(err, errStale) {
			return hits, err
		}
	}
	return nil, err
}

// search asks the graph and the words for candidates, and the store for their
// documents.
func (c *Collection) search(ctx context.Context, ix *hnswlib.Index, a *ask) ([]Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if ix == nil && a.Mode != Text {
		return nil, errStale
	}
	view, err := c.view(ctx, a.Where)
	if err != nil {
		return nil, err
	}
	s := searching{c: c, ix: ix, ask: a, view: view, split: c.store.PassagesLen() > c.store.Len()}
	found, err := s.candidates(ctx)
	if errors.Is(err, hnswlib.ErrClosed) || errors.Is(err, hnswlib.ErrInternal) {
		err = fmt.Errorf("%w: %w", errStale, err)
	}
	if err != nil {
		return nil, err
	}
	found = found[min(a.Offset, len(found)):]
	found = found[:min(a.K, len(found))]
	return s.hits(ctx, found)
}

// searching is one attempt at an answer.
type searching struct {
	c     *Collection
	ix    *hnswlib.Index
	ask   *ask
	view  *filterView // nil lets all in
	split bool        // some documents have several passages
}

// hits fetches the documents. A label without one, or a document that changed
// after the filter looked at it, is a change under way.
func (s *searching) hits(ctx context.Context, found []candidate) ([]Hit, error) {
	labels := make([]uint64, len(found))
	for i := range found {
		labels[i] = found[i].label
	}
	rows, err := s.c.store.ByLabel(ctx, labels)
	if err != nil {
		return nil, err
	}
	if len(rows) < len(labels) {
		return nil, errStale
	}
	var words map[uint64][]string
	if s.ask.Mode != Vector {
		if words, err = s.c.store.MatchedWords(ctx, s.ask.words, labels); err != nil {
			return nil, err
		}
	}
	hits := make([]Hit, len(found))
	seen := make(map[string]bool, len(found))
	for i := range found {
		row := rows[found[i].label]
		if s.view != nil && row.Document.Sequence > s.view.matches.Sequence || seen[row.Document.ID] {
			return nil, errStale
		}
		seen[row.Document.ID] = !s.ask.Passages
		if hits[i], err = s.c.hit(&found[i], row); err != nil {
			return nil, err
		}
		hits[i].Words = words[found[i].label]
	}
	return hits, nil
}
