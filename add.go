package minnow

import (
	"context"

	"github.com/minnow-search/minnow/store"
)

// Add stores documents and makes them findable: all of them, or none if it
// returns an error. A document whose ID is stored replaces the one there. Of
// two documents of one call that share an ID, the later is kept.
//
// Only texts that are new or changed are embedded, and equal texts of a call
// once: to add the same documents again costs a look-up each, and to change
// metadata embeds nothing.
//
// When it returns nil the documents are on the disk, and queries find them.
// Documents that can't be stored are [ErrInvalid], vectors that can't be used
// [ErrEmbedding]. The context is heeded until the documents are committed.
// Adds embed beside each other, and take turns to store.
//
// One call is one transaction, and holds the vectors of all its texts in
// memory. For much at once, add a few thousand documents a call.
func (c *Collection) Add(ctx context.Context, docs ...Document) error {
	if err := c.enter(); err != nil {
		return wrap("add", err)
	}
	defer c.leave()
	rows, err := encode(docs)
	if err != nil {
		return wrap("add", err)
	}
	return wrap("add", c.add(ctx, rows))
}

// add embeds what needs it without holding the turn, and then looks again
// whether that was all, since another Add may have changed a stored text
// meanwhile. No text is embedded twice, so it ends.
func (c *Collection) add(ctx context.Context, rows []store.Document) error {
	vectors := make(map[[32]byte][]float32) // by hash of the text
	missing, err := c.attach(ctx, rows, vectors)
	if err != nil {
		return err
	}
	for {
		if err := c.embedInto(ctx, vectors, missing); err != nil {
			return err
		}
		if missing, err = c.tryPut(ctx, rows, vectors); err != nil || len(missing) == 0 {
			return err
		}
	}
}

// tryPut stores the rows if all that need a vector have one in vectors, and
// else returns those that lack it.
func (c *Collection) tryPut(ctx context.Context, rows []store.Document, vectors map[[32]byte][]float32) (missing []store.Document, err error) {
	if err := c.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer c.endTurn()
	missing, err = c.attach(ctx, rows, vectors)
	if err != nil || len(missing) > 0 {
		return missing, err
	}
	receipt, err := c.store.Put(ctx, rows)
	if err != nil {
		return nil, err
	}
	c.apply(rows, receipt)
	return nil, nil
}

// attach sets the vector of each row whose text is not stored under its ID, and
// returns the rows for which vectors has none, one for each text.
func (c *Collection) attach(ctx context.Context, rows []store.Document, vectors map[[32]byte][]float32) (missing []store.Document, err error) {
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	stored, err := c.store.Hashes(ctx, ids)
	if err != nil {
		return nil, err
	}
	listed := make(map[[32]byte]bool)
	for i := range rows {
		row := &rows[i]
		row.Vector = nil
		if hash, found := stored[row.ID]; found && hash == row.Hash {
			continue
		}
		row.Vector = vectors[row.Hash]
		if row.Vector == nil && !listed[row.Hash] {
			listed[row.Hash] = true
			missing = append(missing, *row)
		}
	}
	return missing, nil
}

func (c *Collection) embedInto(ctx context.Context, vectors map[[32]byte][]float32, rows []store.Document) error {
	texts := make([]string, len(rows))
	for i := range rows {
		texts[i] = rows[i].Text
	}
	fresh, err := c.embed(ctx, documentsOf(c.embedder), texts)
	if err != nil {
		return err
	}
	for i := range rows {
		vectors[rows[i].Hash] = fresh[i]
	}
	return nil
}

// Delete removes the documents with the IDs, and returns how many there were.
// IDs that are not stored are passed over. It is all or nothing, and as durable
// as Add.
func (c *Collection) Delete(ctx context.Context, ids ...string) (removed int, err error) {
	if err := c.enter(); err != nil {
		return 0, wrap("delete", err)
	}
	defer c.leave()
	if err := c.takeTurn(ctx); err != nil {
		return 0, wrap("delete", err)
	}
	defer c.endTurn()
	receipt, err := c.store.Delete(ctx, ids)
	if err != nil {
		return 0, wrap("delete", err)
	}
	c.apply(nil, receipt)
	return len(receipt.Removed), nil
}
