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
// memory. For more than some thousand documents there is [Collection.AddSeq].
func (c *Collection) Add(ctx context.Context, docs ...Document) error {
	if err := c.enterToWrite(); err != nil {
		return wrap("add", err)
	}
	defer c.leave()
	rows, err := c.encode(docs)
	if err != nil {
		return wrap("add", err)
	}
	_, err = c.add(ctx, &load{rows: rows})
	return wrap("add", err)
}

// load is documents on their way into the collection.
type load struct {
	rows []store.Document
	// passages are those that rows may need, by hash of what they are made
	// from. Equal texts share them.
	passages map[[32]byte][]store.Passage
}

// add embeds what needs it without holding the turn, and then looks again
// whether that was all, since another Add may have changed a stored text
// meanwhile. No text is embedded twice, so it ends. It returns how many
// documents got new passages.
func (c *Collection) add(ctx context.Context, l *load) (fresh int, err error) {
	missing, err := c.attach(ctx, l)
	for err == nil {
		if err = c.embedInto(ctx, l, missing); err != nil {
			break
		}
		if fresh, missing, err = c.tryPut(ctx, l); err == nil && len(missing) == 0 {
			return fresh, nil
		}
	}
	return 0, err
}

// tryPut stores the rows if all that need passages have them, and else returns
// those that lack them.
func (c *Collection) tryPut(ctx context.Context, l *load) (fresh int, missing []store.Document, err error) {
	if err := c.takeTurn(ctx); err != nil {
		return 0, nil, err
	}
	defer c.endTurn()
	missing, err = c.attach(ctx, l)
	if err != nil || len(missing) > 0 {
		return 0, missing, err
	}
	receipt, err := c.store.Put(ctx, l.rows)
	if err != nil {
		return 0, nil, err
	}
	c.apply(l.rows, receipt)
	for _, labels := range receipt.Labels {
		fresh += min(1, len(labels))
	}
	return fresh, nil, nil
}

// attach sets the passages of each row whose text is not stored under its ID,
// and returns the rows for which there are none yet, one for each text.
func (c *Collection) attach(ctx context.Context, l *load) (missing []store.Document, err error) {
	ids := make([]string, len(l.rows))
	for i := range l.rows {
		ids[i] = l.rows[i].ID
	}
	stored, err := c.store.Hashes(ctx, ids)
	if err != nil {
		return nil, err
	}
	listed := make(map[[32]byte]bool)
	for i := range l.rows {
		row := &l.rows[i]
		row.Passages = nil
		if hash, found := stored[row.ID]; found && hash == row.Hash {
			continue
		}
		row.Passages = l.passages[row.Hash]
		if row.Passages == nil && !listed[row.Hash] {
			listed[row.Hash] = true
			missing = append(missing, *row)
		}
	}
	return missing, nil
}

func (c *Collection) embedInto(ctx context.Context, l *load, rows []store.Document) error {
	passages, err := c.passages(ctx, rows)
	if err != nil {
		return err
	}
	if l.passages == nil {
		l.passages = make(map[[32]byte][]store.Passage, len(rows))
	}
	for i := range rows {
		l.passages[rows[i].Hash] = passages[i]
	}
	return nil
}

// Delete removes the documents with the IDs, and returns how many there were.
// IDs that are not stored are passed over. It is all or nothing, and as durable
// as Add.
func (c *Collection) Delete(ctx context.Context, ids ...string) (removed int, err error) {
	if err := c.enterToWrite(); err != nil {
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
	return receipt.Deleted, nil
}
