package minnow

import (
	"context"
	"iter"

	"github.com/minnow-search/minnow/where"
)

// Get returns the document with the ID, or [ErrNotFound].
func (c *Collection) Get(ctx context.Context, id string) (Document, error) {
	if err := c.enter(); err != nil {
		return Document{}, wrap("get", err)
	}
	defer c.leave()
	row, err := c.store.Get(ctx, id)
	if err != nil {
		return Document{}, wrap("get", err)
	}
	d, err := decode(row)
	return d, wrap("get", err)
}

// All yields every document, in the order in which their IDs were first added.
// It shows the collection as it was when the loop began. The loop's body may
// call any method, also Add and Delete. One document is in memory at a time,
// but the database can't shrink its log while a loop runs. An error ends it.
func (c *Collection) All(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		// No enter: the body may call Close, which would wait for itself. The
		// store ends the loop then.
		for row, err := range c.store.Documents(ctx) {
			var d Document
			if err == nil {
				d, err = decode(row)
			}
			if !yield(d, wrap("read all", err)) || err != nil {
				return
			}
		}
	}
}

// Where yields every document whose metadata fulfils the filter, as
// [Collection.All] yields all.
func (c *Collection) Where(ctx context.Context, f where.Filter) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for row, err := range c.store.DocumentsWhere(ctx, f) {
			var d Document
			if err == nil {
				d, err = decode(row)
			}
			if !yield(d, wrap("read where", err)) || err != nil {
				return
			}
		}
	}
}

// Passage is a part of a document's text with its vector: the whole text, where
// no [Splitter] cut it.
type Passage struct {
	Label      uint64 // in the graph, and in what ExportIndex writes
	ID         string // of the document
	Start, End int    // in bytes of the text
	Truncated  bool   // as in [Hit]
	Vector     []float32
}

// Passages yields every passage with the vector that was stored, in the order
// in which they were added, as [Collection.All] yields all documents.
func (c *Collection) Passages(ctx context.Context) iter.Seq2[Passage, error] {
	return func(yield func(Passage, error) bool) {
		for p, err := range c.store.AllPassages(ctx, true) {
			passage := Passage{p.Label, p.ID, p.Start, p.End, p.Truncated, p.Vector}
			if !yield(passage, wrap("read passages", err)) || err != nil {
				return
			}
		}
	}
}

// Len is the number of documents. After Close it is what it was; of a
// collection that is only read, what the last query saw.
func (c *Collection) Len() int { return c.store.Len() }

// Stats are numbers about a collection, all of about the same moment.
type Stats struct {
	Documents     int    `json:"documents"`      // what Len returns
	Passages      int    `json:"passages"`       // vectors; more than Documents if texts were split
	Sequence      uint64 `json:"sequence"`       // number of the latest write
	SavedSequence uint64 `json:"saved_sequence"` // number of the latest write in the saved graph; 0 if none is saved

	Model          string `json:"model"` // the embedder's ID
	Space          Space  `json:"space"`
	Dim            int    `json:"dim"`
	M              int    `json:"m"`
	EfConstruction int    `json:"ef_construction"`

	GraphReady   bool `json:"graph_ready"`   // false after the graph failed, until a query or Save made it again
	GraphDeleted int  `json:"graph_deleted"` // deleted documents that still take room in the graph
}

// Stats returns the collection's numbers. It costs next to nothing, and works
// after Close too.
func (c *Collection) Stats() Stats {
	s := Stats{
		Documents:      c.store.Len(),
		Passages:       c.store.PassagesLen(),
		Sequence:       c.store.Sequence(),
		SavedSequence:  c.saved.Load(),
		Model:          c.spec.model,
		Space:          Space(c.spec.space.String()),
		Dim:            c.spec.dim,
		M:              c.spec.m,
		EfConstruction: c.spec.efConstruction,
	}
	if ix := c.graph.Load(); ix != nil {
		s.GraphReady = true
		s.GraphDeleted = ix.DeletedLen()
	}
	return s
}
