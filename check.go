package minnow

import (
	"context"
	"fmt"
	"slices"

	"github.com/minnow-search/minnow/store"
)

// Check reads the whole collection and reports, as [ErrDamaged], what is wrong
// with it: an unsound database, a text that is not the one added, a graph that contradicts itself, or one that
// holds other documents than the store. It takes the turn to write, so Add and
// Delete wait; queries go on.
func (c *Collection) Check(ctx context.Context) error {
	if err := c.enter(); err != nil {
		return wrap("check", err)
	}
	defer c.leave()
	if err := c.follow(ctx); err != nil {
		return wrap("check", err)
	}
	if err := c.takeTurn(ctx); err != nil {
		return wrap("check", err)
	}
	defer c.endTurn()
	if err := checkStore(ctx, c.store); err != nil {
		return wrap("check", err)
	}
	return wrap("check", c.checkGraph(ctx))
}

// checkStore checks a database, and that its texts are those that were added.
func checkStore(ctx context.Context, s *store.Store) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	for row, err := range s.Documents(ctx) {
		if err != nil {
			return err
		}
		if !isOf(row.Hash, row.Text) {
			return fmt.Errorf("%w: the text of document %q is not the one that was added", ErrDamaged, row.ID)
		}
	}
	return nil
}

func (c *Collection) checkGraph(ctx context.Context) error {
	ix := c.graph.Load()
	if ix == nil {
		return nil // it will be made from the store, which is sound
	}
	if err := ix.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	labels, err := c.store.Labels(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(labels, ix.Labels()) {
		return fmt.Errorf("%w: graph and store hold different vectors", ErrDamaged)
	}
	return nil
}
