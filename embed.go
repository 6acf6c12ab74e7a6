package minnow

import (
	"context"
	"fmt"
	"math"

	"github.com/minnow-search/minnow/hnswlib"
)

// Embedder turns texts into vectors: *onnx.Model is one. A collection calls it
// from many goroutines at once.
type Embedder interface {
	// Embed returns one vector of Dim numbers for each text, in order. It
	// leaves the vectors alone afterwards; the collection only reads them.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	// Dim is the length of every vector. It never changes.
	Dim() int
	// ID names the model and all that decides its vectors. Two embedders of
	// one ID give the same vector for a text; a collection refuses another ID.
	ID() string
}

// PromptedEmbedder is an Embedder whose model wants one prompt before what is
// searched with and another before what is searched for, as *onnx.Model. A
// collection then calls these in place of Embed, under the same rules.
type PromptedEmbedder interface {
	Embedder
	EmbedQueries(ctx context.Context, texts []string) ([][]float32, error)
	EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error)
}

// embedFunc is one of the three ways to embed.
type embedFunc func(ctx context.Context, texts []string) ([][]float32, error)

func queriesOf(e Embedder) embedFunc {
	if p, ok := e.(PromptedEmbedder); ok {
		return p.EmbedQueries
	}
	return e.Embed
}

func documentsOf(e Embedder) embedFunc {
	if p, ok := e.(PromptedEmbedder); ok {
		return p.EmbedDocuments
	}
	return e.Embed
}

// embedBatch is how many texts go to the embedder at once. It is enough for
// an embedder to sort texts by length, and little enough to stop between two.
const embedBatch = 256

// embed returns a checked vector for each text.
func (c *Collection) embed(ctx context.Context, how embedFunc, texts []string) ([][]float32, error) {
	vectors := make([][]float32, 0, len(texts))
	for len(texts) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		batch := texts[:min(len(texts), embedBatch)]
		texts = texts[len(batch):]
		got, err := how(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("embed: %w", err)
		}
		if len(got) != len(batch) {
			return nil, fmt.Errorf("%w: %d vectors for %d texts", ErrEmbedding, len(got), len(batch))
		}
		for i, v := range got {
			if problem := c.spec.unfit(v); problem != "" {
				return nil, fmt.Errorf("%w: %s, for the text %s", ErrEmbedding, problem, abbreviate(batch[i]))
			}
		}
		vectors = append(vectors, got...)
	}
	return vectors, nil
}

// Bounds on the squared length of a vector. They lie inside those of the
// graph, which computes in float32: a vector that passes here can always be
// put into a graph, now or when it is made again.
const (
	minSquaredLength = 1e-30 // under Cosine, which needs a direction
	maxSquaredLength = 1e37
)

// unfit says what keeps v from being a vector of the collection, or "".
func (s spec) unfit(v []float32) string {
	if len(v) != s.dim {
		return fmt.Sprintf("a vector has %d numbers, not %d", len(v), s.dim)
	}
	var squared float64
	for i, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Sprintf("number %d of a vector is %v", i, x)
		}
		squared += float64(x) * float64(x)
	}
	if squared > maxSquaredLength {
		return "a vector is too long to measure distances"
	}
	if s.space == hnswlib.Cosine && squared < minSquaredLength {
		return "a vector is zero, which has no direction"
	}
	return ""
}

// abbreviate quotes the beginning of a text, for an error message.
func abbreviate(text string) string {
	const limit = 60
	runes := 0
	for i := range text {
		if runes++; runes > limit {
			return fmt.Sprintf("%q...", text[:i])
		}
	}
	return fmt.Sprintf("%q", text)
}
