package minnow

import (
	"context"
	"iter"
	"sync"

	"github.com/minnow-search/minnow/internal/background"
)

// ImportStats are what an [Collection.AddSeq] did.
type ImportStats struct {
	Documents int // stored, and durable as after Add
	Embedded  int // of these, how many were new or had another text
}

// A load of AddSeq holds so many documents, or so many bytes of text, at most
// (one document more, if that is longer). Four loads are in memory at a time.
const (
	loadDocuments = 1024
	loadBytes     = 4 << 20
)

// AddSeq adds all documents of a sequence, as Adds of about a thousand each
// would, in bounded memory and with the work side by side: while one load is
// stored and linked, the next is embedded and the one after it read.
//
// On an error, also of the context, it ends; the documents that ImportStats
// counts are then stored, whole loads from the beginning of the sequence. To go
// on, add the same sequence again: what is stored already is not embedded
// again. It always waits until docs has returned, which is called from another
// goroutine.
//
// On Linux *onnx.Model embeds an import at a lower priority, so that queries
// beside it keep their speed. Under constant queries it gets what they leave.
func (c *Collection) AddSeq(ctx context.Context, docs iter.Seq[Document]) (ImportStats, error) {
	if err := c.enterToWrite(); err != nil {
		return ImportStats{}, wrap("add", err)
	}
	defer c.leave()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var stages sync.WaitGroup
	defer stages.Wait()
	defer cancel(errEnded) // before the wait: whoever still sends gives up
	read, embedded := make(chan *load), make(chan *load)
	stages.Go(func() {
		defer close(read)
		c.readLoads(ctx, cancel, docs, read)
	})
	stages.Go(func() {
		defer close(embedded)
		c.embedLoads(background.With(ctx), cancel, read, embedded)
	})

	progress := c.options.meter("add", 0)
	defer progress.end()
	var stats ImportStats
	for l := range embedded {
		fresh, err := c.add(ctx, l)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return stats, wrap("add", err)
		}
		stats.Documents += len(l.rows)
		stats.Embedded += fresh
		progress.add(len(l.rows))
	}
	return stats, wrap("add", context.Cause(ctx))
}

// readLoads cuts the sequence into loads.
func (c *Collection) readLoads(ctx context.Context, fail context.CancelCauseFunc, docs iter.Seq[Document], out chan<- *load) {
	var batch []Document
	bytes := 0
	send := func() bool {
		rows, err := c.encode(batch)
		if err != nil {
			fail(err)
			return false
		}
		batch, bytes = batch[:0], 0
		return hand(ctx, out, &load{rows: rows})
	}
	for d := range docs {
		batch = append(batch, d)
		bytes += len(d.Text)
		if (len(batch) >= loadDocuments || bytes >= loadBytes) && !send() {
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
	if len(batch) > 0 {
		send()
	}
}

// embedLoads embeds what is not stored yet.
func (c *Collection) embedLoads(ctx context.Context, fail context.CancelCauseFunc, in <-chan *load, out chan<- *load) {
	for l := range in {
		missing, err := c.attach(ctx, l)
		if err == nil {
			err = c.embedInto(ctx, l, missing)
		}
		if err != nil {
			fail(err)
			return
		}
		if !hand(ctx, out, l) {
			return
		}
	}
}

// hand gives a load to the next stage, unless the import is over.
func hand(ctx context.Context, to chan<- *load, l *load) bool {
	select {
	case to <- l:
		return true
	case <-ctx.Done():
		return false
	}
}
