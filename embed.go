package minnow

import (
	"context"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/store"
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
	// What stands after " preset " in it is a variant of the model, whose
	// vectors are nearly the same: see [Options].MixPresets.
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

// LimitedEmbedder is an Embedder that can tell which texts were too long for its
// model, as *onnx.Model. A collection then calls this for documents, and
// [Hit.Truncated] may be true.
type LimitedEmbedder interface {
	Embedder
	// EmbedPassages embeds documents, under the rules of Embed, and says of each
	// whether its vector is of the beginning of the text only.
	EmbedPassages(ctx context.Context, texts []string) (vectors [][]float32, truncated []bool, err error)
}

// OwnVectors is the embedder of a collection whose vectors come from elsewhere,
// by [Collection.AddVectors] and [Collection.KNNQueryVector]. Whatever needs it
// to embed a text fails with [ErrInvalid]. The ID should name what makes the
// vectors: a collection refuses another.
func OwnVectors(dim int, id string) Embedder {
	return noEmbedder{dim, id, "has vectors of its own and no model; use AddVectors and KNNQueryVector"}
}

// noEmbedder stands where there is no model.
type noEmbedder struct {
	dim int
	id  string
	why string
}

func (n noEmbedder) Dim() int   { return n.dim }
func (n noEmbedder) ID() string { return n.id }

func (n noEmbedder) Embed(context.Context, []string) ([][]float32, error) {
	return nil, fmt.Errorf("%w: the collection %s", ErrInvalid, n.why)
}

// Embed returns what the collection's embedder makes of documents with these
// texts: one vector each, in order.
func (c *Collection) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := c.enter(); err != nil {
		return nil, wrap("embed", err)
	}
	defer c.leave()
	vectors, err := c.embed(ctx, documentsOf(c.embedder), texts)
	return vectors, wrap("embed", err)
}

// passages returns the passages of each row's text, with vectors. Those of all
// rows are embedded together.
func (c *Collection) passages(ctx context.Context, rows []store.Document) ([][]store.Passage, error) {
	var texts []string
	all := make([][]store.Passage, len(rows))
	for i := range rows {
		spans, err := c.spans(rows[i].Text)
		if err != nil {
			return nil, fmt.Errorf("document %q: %w", rows[i].ID, err)
		}
		all[i] = make([]store.Passage, len(spans))
		for j, span := range spans {
			all[i][j].Start, all[i][j].End = span[0], span[1]
			texts = append(texts, rows[i].Text[span[0]:span[1]])
		}
	}
	vectors, truncated, err := c.embedAll(ctx, texts)
	if err != nil {
		return nil, err
	}
	n := 0
	for i := range all {
		for j := range all[i] {
			all[i][j].Vector, all[i][j].Truncated = vectors[n], truncated[n]
			n++
		}
	}
	return all, nil
}

// embedAll embeds texts of documents, and says which were cut as far as the
// embedder knows.
func (c *Collection) embedAll(ctx context.Context, texts []string) (vectors [][]float32, truncated []bool, err error) {
	limited, tells := c.embedder.(LimitedEmbedder)
	if !tells {
		vectors, err = c.embed(ctx, documentsOf(c.embedder), texts)
		return vectors, make([]bool, len(texts)), err
	}
	vectors, err = c.embed(ctx, func(ctx context.Context, batch []string) ([][]float32, error) {
		got, cut, err := limited.EmbedPassages(ctx, batch)
		if err == nil && len(cut) != len(batch) {
			err = fmt.Errorf("%w: %d answers about being cut for %d texts", ErrEmbedding, len(cut), len(batch))
		}
		truncated = append(truncated, cut...)
		return got, err
	}, texts)
	return vectors, truncated, err
}

// spans cuts a text into passages, and checks them.
func (c *Collection) spans(text string) ([][2]int, error) {
	if c.spec.splitter == nil {
		return [][2]int{{0, len(text)}}, nil
	}
	spans, err := c.spec.splitter.Split(text)
	if err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	if len(spans) == 0 {
		return nil, fmt.Errorf("%w: the splitter found no passage", ErrInvalid)
	}
	for _, span := range spans {
		start, end := span[0], span[1]
		if start < 0 || start >= end || end > len(text) || !utf8.ValidString(text[start:end]) {
			return nil, fmt.Errorf("%w: the splitter gave the passage %d:%d of %d bytes", ErrInvalid, start, end, len(text))
		}
	}
	return spans, nil
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

// embedBatch is how many texts go to the embedder at once: enough to sort them
// by length and to keep all cores busy to the end of a batch.
const embedBatch = 1024

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
