package minnow

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/minnow-search/minnow/hnswlib"
)

// Query says how to search. Nil and the zero value are good defaults.
type Query struct {
	// K is how many documents are wanted; 10 by default. There are as many
	// hits, or as many as there are documents if those are fewer.
	K int
	// Ef is how many candidates are looked at; 100 by default, and K at least.
	// More finds more of the true nearest, and takes longer.
	Ef int
}

const defaultK = 10

// Hit is a document that was found, and how near it is.
type Hit struct {
	Document
	// Distance is what hits are ordered by, smallest first. Under [Cosine] it
	// is 1 - cosine, from 0 (same direction) to 2 (opposite). Under
	// [InnerProduct] it is 1 - dot product, and may be negative. Under [L2] it
	// is the square of the Euclidean distance.
	Distance float32
	// Similarity says the same the other way round: more is nearer. Under
	// [Cosine] it is the cosine, from -1 to 1; under [InnerProduct] the dot
	// product; under [L2] 1/(1+Distance), from 0 to 1. It compares hits of one
	// collection. It is no probability, and which value means "related"
	// depends on the model.
	Similarity float32
}

// KNNQuery embeds text and returns the documents nearest to it, nearest first.
// The text must be valid UTF-8 and not empty.
//
// It may run beside Add and Delete. Each document is seen as it was before or
// as it is after: with its old text and the distance of that, or with the new
// ones, and once.
func (c *Collection) KNNQuery(ctx context.Context, text string, q *Query) ([]Hit, error) {
	if err := c.enter(); err != nil {
		return nil, wrap("query", err)
	}
	defer c.leave()
	if text == "" || !utf8.ValidString(text) {
		return nil, wrap("query", fmt.Errorf("%w: the text is empty or not valid UTF-8", ErrInvalid))
	}
	vectors, err := c.embed(ctx, queriesOf(c.embedder), []string{text})
	if err != nil {
		return nil, wrap("query", err)
	}
	hits, err := c.query(ctx, vectors[0], q)
	return hits, wrap("query", err)
}

// KNNQueryVector is [Collection.KNNQuery] with a vector of the caller's, which
// is only read.
func (c *Collection) KNNQueryVector(ctx context.Context, vec []float32, q *Query) ([]Hit, error) {
	if err := c.enter(); err != nil {
		return nil, wrap("query", err)
	}
	defer c.leave()
	if problem := c.spec.unfit(vec); problem != "" {
		return nil, wrap("query", fmt.Errorf("%w: %s", ErrInvalid, problem))
	}
	hits, err := c.query(ctx, vec, q)
	return hits, wrap("query", err)
}

// errStale means that the graph can't answer by itself: there is none, it
// failed, or it holds what the store no longer has.
var errStale = errors.New("graph and store disagree")

func (c *Collection) query(ctx context.Context, vec []float32, q *Query) ([]Hit, error) {
	if q == nil {
		q = &Query{}
	}
	if q.K < 0 || q.Ef < 0 {
		return nil, fmt.Errorf("%w: K %d and Ef %d must not be negative", ErrInvalid, q.K, q.Ef)
	}
	k := q.K
	if k == 0 {
		k = defaultK
	}
	hits, err := c.search(ctx, c.graph.Load(), vec, k, q.Ef)
	if !errors.Is(err, errStale) {
		return hits, err
	}
	if err := c.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer c.endTurn()
	// A write may have been between store and graph; now none is. If the two
	// still disagree, the graph is wrong.
	for range 2 {
		if err := c.heal(ctx, "the one in memory failed"); err != nil {
			return nil, err
		}
		ix := c.graph.Load()
		hits, err = c.search(ctx, ix, vec, k, q.Ef)
		if !errors.Is(err, errStale) {
			return hits, err
		}
		c.setAside(ix, err)
	}
	return nil, err
}

// search asks the graph for labels and the store for their documents.
func (c *Collection) search(ctx context.Context, ix *hnswlib.Index, vec []float32, k, ef int) ([]Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if ix == nil {
		return nil, errStale
	}
	found, err := ix.KNNQuery(vec, k, &hnswlib.Query{Ef: ef})
	if errors.Is(err, hnswlib.ErrEmpty) {
		return []Hit{}, nil
	}
	if errors.Is(err, hnswlib.ErrClosed) || errors.Is(err, hnswlib.ErrInternal) {
		return nil, fmt.Errorf("%w: %w", errStale, err)
	}
	if err != nil {
		return nil, err
	}
	neighbors := found[0]
	labels := make([]uint64, len(neighbors))
	for i, n := range neighbors {
		labels[i] = n.Label
	}
	rows, err := c.store.ByLabel(ctx, labels)
	if err != nil {
		return nil, err
	}
	if len(rows) < len(labels) {
		return nil, errStale
	}
	hits := make([]Hit, len(neighbors))
	for i, n := range neighbors {
		d, err := decode(rows[n.Label])
		if err != nil {
			return nil, err
		}
		hits[i] = Hit{Document: d, Distance: n.Distance, Similarity: c.spec.similarity(n.Distance)}
	}
	return hits, nil
}

// similarity turns a distance round; see [Hit].
func (s spec) similarity(distance float32) float32 {
	switch s.space {
	case hnswlib.Cosine:
		return max(-1, min(1-distance, 1)) // rounding may step over the edge
	case hnswlib.InnerProduct:
		return 1 - distance
	default:
		return 1 / (1 + distance)
	}
}
