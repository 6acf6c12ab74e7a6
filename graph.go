package minnow

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"time"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/store"
)

// defaultEf is how many candidates a query looks at unless it says otherwise:
// enough for 19 of 20 true neighbours among 100,000 sentences.
const defaultEf = 100

// graphBatch is how many vectors go into the graph in one call, which bounds
// the memory for laying them out in a row.
const graphBatch = 512

// apply brings what a write did to the store into the graph. The caller holds
// the turn. It returns no error, because the write has happened: a graph that
// fails is set aside and made again.
//
// New labels come before removals. A query in between finds both labels of a
// changed document, and the store's answer tells it which one is gone; the
// other way round it would find neither.
func (c *Collection) apply(rows []store.Document, receipt store.Receipt) {
	ix := c.graph.Load()
	if ix == nil {
		return
	}
	b := batch{ix: ix}
	for i, labels := range receipt.Labels {
		for j, label := range labels {
			if err := b.add(label, rows[i].Passages[j].Vector); err != nil {
				c.setAside(ix, err)
				return
			}
		}
	}
	if err := errors.Join(b.flush(), ix.MarkDeleted(receipt.Removed)); err != nil {
		c.setAside(ix, err)
	}
}

// setAside gives up a graph that failed. The caller holds the turn.
func (c *Collection) setAside(ix *hnswlib.Index, reason error) {
	c.log.Warn("graph failed, it will be made again", "reason", reason)
	c.graph.Store(nil)
	if err := ix.Close(); err != nil {
		c.log.Warn("close graph", "error", err)
	}
}

// heal makes the graph again from the store if there is none. The reason is for
// the log; without one, nothing is logged. The caller holds the turn.
func (c *Collection) heal(ctx context.Context, reason string) error {
	if c.graph.Load() != nil {
		return nil
	}
	begin := time.Now()
	vectors := c.store.PassagesLen()
	if reason != "" {
		c.log.Info("making the graph from the store", "reason", reason, "vectors", vectors)
	}
	ix, err := c.spec.newGraph(vectors)
	if err != nil {
		return fmt.Errorf("make graph: %w", err)
	}
	if err := c.adopt(ctx, ix, 0); err != nil {
		return fmt.Errorf("make graph: %w", err)
	}
	if reason != "" {
		c.log.Info("made the graph from the store", "vectors", vectors, "duration", time.Since(begin))
	}
	return nil
}

// openGraph loads the saved graph, or makes it again.
func (c *Collection) openGraph(ctx context.Context) error {
	saved, err := c.store.Graph(ctx)
	if err != nil {
		return err
	}
	if saved.Sequence == 0 {
		reason := "none was saved"
		if c.store.Len() == 0 {
			reason = ""
		}
		return c.heal(ctx, reason)
	}
	if err := c.loadGraph(ctx, saved); err != nil {
		if c.options.ReadOnly {
			// The process that writes may have saved another one meanwhile.
			if now, again := c.store.Graph(ctx); again != nil || now != saved {
				return errors.Join(again, c.openGraph(ctx))
			}
		}
		return c.heal(ctx, err.Error())
	}
	c.saved.Store(saved.Sequence)
	return nil
}

// castagnoli is the polynomial of the checksums, which processors compute. They
// guard against damage, not against an enemy.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// loadGraph loads the graph that the store names and brings it up to date. The
// store's word is what counts: a graph file that it doesn't name, or that
// differs from what it names, was saved for another state of the documents.
func (c *Collection) loadGraph(ctx context.Context, saved store.Graph) error {
	name := graphName(saved.Sequence)
	f, err := c.files.Open(filepath.Join(c.dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// The checksum is taken of what goes into the index, so that the file is
	// read once. The index checks on its own what could lead it astray.
	crc := crc32.New(castagnoli)
	ix, err := hnswlib.Read(io.TeeReader(f, crc), info.Size(), c.spec.space, c.spec.dim, c.spec.config(0))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case crc.Sum32() != saved.CRC32C:
		err = fmt.Errorf("%s has checksum %08x, not %08x", name, crc.Sum32(), saved.CRC32C)
	case ix.M() != c.spec.m || ix.EfConstruction() != c.spec.efConstruction:
		err = fmt.Errorf("%s has M %d and ef_construction %d, not %d and %d",
			name, ix.M(), ix.EfConstruction(), c.spec.m, c.spec.efConstruction)
	}
	if err != nil {
		return errors.Join(err, ix.Close())
	}
	return c.adopt(ctx, ix, saved.Sequence)
}

// adopt brings a graph from sequence since up to the store's, and makes it the
// collection's. On failure the graph is closed.
func (c *Collection) adopt(ctx context.Context, ix *hnswlib.Index, since uint64) error {
	sequence := c.store.Sequence()
	err := c.replay(ctx, ix, since)
	// Beside a process that writes, the two are not of one moment.
	if live, stored := ix.Len(), c.store.PassagesLen(); err == nil && live != stored && !c.options.ReadOnly {
		err = fmt.Errorf("the graph holds %d vectors, and the store %d", live, stored)
	}
	if err == nil {
		err = ix.SetEf(defaultEf)
	}
	if err != nil {
		return errors.Join(err, ix.Close())
	}
	c.followed.Store(sequence)
	c.graph.Store(ix)
	return nil
}

// replay adds what came after a sequence. Some of it the graph may have, if
// another process writes meanwhile.
func (c *Collection) replay(ctx context.Context, ix *hnswlib.Index, since uint64) error {
	total := 0
	if since == 0 {
		total = c.store.PassagesLen()
	}
	progress := c.options.meter("graph", total)
	b := batch{ix: ix, progress: progress}
	for change, err := range c.store.Changes(ctx, since) {
		if err != nil {
			return err
		}
		if change.Vector == nil {
			// One that came and went after since was never in this graph.
			if ix.Has(change.Label) {
				err = ix.MarkDeleted([]uint64{change.Label})
			}
		} else if problem := c.spec.unfit(change.Vector); problem != "" {
			err = fmt.Errorf("%w: label %d: %s", ErrDamaged, change.Label, problem)
		} else if since == 0 || !ix.Has(change.Label) {
			err = b.add(change.Label, change.Vector)
		}
		if err != nil {
			return err
		}
	}
	err := b.flush()
	if b.added > 0 {
		progress.end()
	}
	return err
}

// batch gathers vectors on their way into a graph.
type batch struct {
	ix       *hnswlib.Index
	labels   []uint64
	flat     []float32
	added    int
	progress *meter // may be nil
}

func (b *batch) add(label uint64, vector []float32) error {
	b.labels = append(b.labels, label)
	b.flat = append(b.flat, vector...)
	if len(b.labels) < graphBatch {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	err := b.ix.Add(b.flat, b.labels)
	if b.progress != nil && err == nil {
		b.progress.add(len(b.labels))
	}
	b.added += len(b.labels)
	b.labels, b.flat = b.labels[:0], b.flat[:0]
	return err
}
