package minnow

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/minnow-search/minnow/store"
)

// Reindex gives a collection another model, space, graph parameters or
// splitter: all texts are embedded by e, and the documents put into a new
// database in the place of the old. Options that are zero are the defaults, not
// the collection's. Nobody may have the collection open.
//
// Where the model and the cutting of a text stay what they are, its vectors
// are kept. Until it returns, the collection is what it was; a crash or an
// error leaves it so. Documents with vectors of their own can't be embedded if
// they have no text: then it fails with [ErrInvalid], naming one.
func Reindex(ctx context.Context, dir string, e Embedder, o *Options) error {
	err := offline(dir, e, o, func(c *Collection) error {
		from, err := store.Open(filepath.Join(c.dir, databaseName), nil)
		if err != nil {
			return err
		}
		if c.spec, err = newSpec(e, c.options); err != nil {
			return errors.Join(err, from.Close())
		}
		progress := c.options.meter("reindex", from.Len())
		defer progress.end()
		err = remade(ctx, c.dir, func(ctx context.Context, to *store.Store) error {
			// Closed before the swap: this folds its log into the file.
			return errors.Join(c.reembed(ctx, from, to, progress), from.Close())
		})
		if err := errors.Join(err, from.Close()); err != nil {
			return err
		}
		return removeDatabase(filepath.Join(c.dir, oldName))
	})
	if err != nil {
		return wrap("reindex "+dir, err)
	}
	// Made here, the graph need not be made by the next Open.
	c, err := Open(dir, e, o)
	if err != nil {
		return err
	}
	return c.Close()
}

// reembed copies all documents from one store to another.
func (c *Collection) reembed(ctx context.Context, from, to *store.Store, progress *meter) error {
	old, err := from.Settings(ctx)
	if err != nil {
		return err
	}
	settings := c.spec.settings()
	sameModel := old["model"] == settings["model"] && old["dim"] == settings["dim"]
	if err := to.SetSettings(ctx, settings); err != nil {
		return err
	}
	var batch []store.Document
	put := func() error {
		if err := c.reembedBatch(ctx, from, to, batch, sameModel); err != nil {
			return err
		}
		progress.add(len(batch))
		batch = batch[:0]
		return nil
	}
	bytes := 0
	for row, err := range from.Documents(ctx) {
		if err != nil {
			return err
		}
		batch = append(batch, row)
		if bytes += len(row.Text); len(batch) >= loadDocuments || bytes >= loadBytes {
			bytes = 0
			if err := put(); err != nil {
				return err
			}
		}
	}
	return put()
}

func (c *Collection) reembedBatch(ctx context.Context, from, to *store.Store, rows []store.Document, sameModel bool) error {
	var bare []store.Document
	places := []int{}
	for i := range rows {
		row := &rows[i]
		passages, err := from.Passages(ctx, row.ID)
		if err != nil {
			return err
		}
		hash := c.spec.hashText(row.Text)
		own := len(passages) == 1 && row.Hash == hashVector(row.Text, passages[0].Vector)
		if sameModel && (own || row.Hash == hash) {
			row.Passages = passages
			continue
		}
		if row.Text == "" {
			return fmt.Errorf("%w: document %q has a vector of its own and no text to embed", ErrInvalid, row.ID)
		}
		row.Hash = hash
		bare, places = append(bare, *row), append(places, i)
	}
	passages, err := c.passages(ctx, bare)
	if err != nil {
		return err
	}
	for i, place := range places {
		rows[place].Passages = passages[i]
	}
	_, err = to.Put(ctx, rows)
	return err
}
