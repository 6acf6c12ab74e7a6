package minnow

import (
	"context"
	"errors"

	"github.com/minnow-search/minnow/store"
)

// follow takes in what the process that writes has committed, if this one only
// reads. To ask costs one look into the database.
func (c *Collection) follow(ctx context.Context) error {
	if !c.options.ReadOnly {
		return nil
	}
	if err := c.refresh(ctx); err != nil || c.followed.Load() >= c.store.Sequence() {
		return err
	}
	if err := c.takeTurn(ctx); err != nil {
		return err
	}
	defer c.endTurn()
	return c.catchUp(ctx)
}

func (c *Collection) refresh(ctx context.Context) error {
	_, err := c.store.Refresh(ctx)
	return err
}

// catchUp brings the graph to where refresh found the store. The caller holds
// the turn.
func (c *Collection) catchUp(ctx context.Context) error {
	sequence, since := c.store.Sequence(), c.followed.Load()
	ix := c.graph.Load()
	if since >= sequence || ix == nil {
		return nil // another call was first, or the graph will be made anyway
	}
	err := c.replay(ctx, ix, since)
	if err == nil {
		c.followed.Store(sequence)
		return nil
	}
	if !errors.Is(err, store.ErrPruned) {
		return err
	}
	// The writer saved its graph, and with that forgot what it removed.
	c.graph.Store(nil)
	return errors.Join(ix.Close(), c.openGraph(ctx))
}
