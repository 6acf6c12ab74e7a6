package minnow

import "context"

// Compact frees what deleted and replaced documents left behind: their nodes of
// the graph, which takes as long as adding the others did, and their room in
// minnow.db, which needs as much again on the disk for a while. Then it saves.
// Adds and deletes wait meanwhile; queries go on.
//
// Save frees the graph by itself once the greater part of it is deleted. The
// database uses its free room again, and shrinks by Compact only.
func (c *Collection) Compact(ctx context.Context) error {
	if err := c.enterToWrite(); err != nil {
		return wrap("compact", err)
	}
	defer c.leave()
	if err := c.takeTurn(ctx); err != nil {
		return wrap("compact", err)
	}
	defer c.endTurn()
	return wrap("compact", c.compact(ctx))
}

func (c *Collection) compact(ctx context.Context) error {
	if err := c.heal(ctx, "the one in memory failed"); err != nil {
		return err
	}
	progress := c.options.meter("compact", c.store.Len())
	defer progress.end()
	if ix := c.graph.Load(); ix.DeletedLen() > 0 {
		if err := ix.Compact(); err != nil {
			return err
		}
		c.saved.Store(0) // the file holds what is gone
	}
	if err := c.store.Compact(ctx); err != nil {
		return err
	}
	progress.add(c.store.Len())
	return c.save(ctx)
}
