package onnx

import (
	"context"
	"fmt"
	"iter"
)

// promptKind is one of the three prompts of a model.
type promptKind int

const (
	textPrompt promptKind = iota
	queryPrompt
	documentPrompt
)

func (p Prompts) of(kind promptKind) string { return [...]string{p.Text, p.Query, p.Document}[kind] }

// Embedding is a text's vector, and what became of the text on the way.
type Embedding struct {
	Vector []float32 // Dim numbers
	// Tokens is how many tokens the network saw, special ones and those of a prompt included, and Total how many the
	// whole text has.
	Tokens, Total int
}

// Truncated reports whether the text was longer than MaxTokens, so that the vector knows nothing of its end.
func (e Embedding) Truncated() bool { return e.Tokens < e.Total }

// Embed returns one embedding of Dim numbers for each text, in the order of texts. Any string is a text, the empty one
// too; see package tokenizer for invalid UTF-8. A text of more than MaxTokens tokens is cut from the right. The caller
// owns the result, whose rows share one array.
//
// Texts of like length go through the network together, the same text once; which others are in a call changes an
// embedding by rounding only, less than 1e-6 a number. The error is ctx's when ctx ends first, within one operator of the
// network.
func (m *Model) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	return m.rows(ctx, texts, textPrompt)
}

// EmbedQueries is Embed for texts that are searched with: it puts the model's prompt for queries in front of them, where
// it has one (sentence-transformers: encode_query).
func (m *Model) EmbedQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return m.rows(ctx, texts, queryPrompt)
}

// EmbedDocuments is Embed for texts that are searched for: it puts the model's prompt for documents in front of them,
// where it has one (sentence-transformers: encode_document).
func (m *Model) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	return m.rows(ctx, texts, documentPrompt)
}

// EmbedPassages is EmbedDocuments that also says which texts were cut. It makes a Model a minnow.LimitedEmbedder.
func (m *Model) EmbedPassages(ctx context.Context, texts []string) (vecs [][]float32, truncated []bool, err error) {
	embeddings, err := m.report(ctx, texts, documentPrompt)
	if err != nil {
		return nil, nil, err
	}
	vecs, truncated = make([][]float32, len(texts)), make([]bool, len(texts))
	for i, e := range embeddings {
		vecs[i], truncated[i] = e.Vector, e.Truncated()
	}
	return vecs, truncated, nil
}

// EmbedInto is Embed that writes into the caller's memory: the embedding of text i at out[i*Dim():], of which there must
// be exactly len(texts)*Dim(). If it fails, what out holds is undefined.
func (m *Model) EmbedInto(ctx context.Context, texts []string, out []float32) error {
	_, err := m.into(ctx, texts, textPrompt, out)
	return err
}

// EmbedReport is Embed that also says how long each text was, and which were cut.
func (m *Model) EmbedReport(ctx context.Context, texts []string) ([]Embedding, error) {
	return m.report(ctx, texts, textPrompt)
}

func (m *Model) report(ctx context.Context, texts []string, kind promptKind) ([]Embedding, error) {
	out := make([]float32, len(texts)*m.dim)
	w, err := m.into(ctx, texts, kind, out)
	if err != nil {
		return nil, err
	}
	embeddings := make([]Embedding, len(texts))
	for i := range embeddings {
		e := w.encoded[w.first[i]]
		embeddings[i] = Embedding{out[i*m.dim : (i+1)*m.dim : (i+1)*m.dim], len(e.IDs), e.Total}
	}
	return embeddings, nil
}

// readAhead is how many texts EmbedSeq takes before it gives the first embedding: some 30 batches of short texts, so that
// sorting them by length leaves little padding.
const readAhead = 1024

// EmbedSeq embeds the texts of a sequence as they come, in their order, with memory for 1024 of them. An error is the last
// thing that it gives, with no embedding; ctx is asked as Embed does.
func (m *Model) EmbedSeq(ctx context.Context, texts iter.Seq[string]) iter.Seq2[Embedding, error] {
	return func(yield func(Embedding, error) bool) {
		window := make([]string, 0, readAhead)
		flush := func() bool {
			embeddings, err := m.EmbedReport(ctx, window)
			if err != nil {
				yield(Embedding{}, err)
				return false
			}
			for _, e := range embeddings {
				if !yield(e, nil) {
					return false
				}
			}
			window = window[:0]
			return true
		}
		for text := range texts {
			if window = append(window, text); len(window) == readAhead && !flush() {
				return
			}
		}
		if len(window) > 0 {
			flush()
		}
	}
}

func (m *Model) rows(ctx context.Context, texts []string, kind promptKind) ([][]float32, error) {
	flat := make([]float32, len(texts)*m.dim)
	if _, err := m.into(ctx, texts, kind, flat); err != nil {
		return nil, err
	}
	vecs := make([][]float32, len(texts))
	for i := range vecs {
		vecs[i] = flat[i*m.dim : (i+1)*m.dim : (i+1)*m.dim]
	}
	return vecs, nil
}

func (m *Model) into(ctx context.Context, texts []string, kind promptKind, out []float32) (*work, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	if len(out) != len(texts)*m.dim {
		return nil, fmt.Errorf("embed: room for %d numbers, want %d for each of %d texts", len(out), m.dim, len(texts))
	}
	w := newWork(texts)
	err := m.embed(ctx, w, m.prompts.of(kind), func(i int, b *batch, tokens, pooled []float32) {
		m.finish(out[i*m.dim:][:m.dim], b, tokens, pooled, m.skip[kind])
	})
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	for i, first := range w.first {
		if i != first {
			copy(out[i*m.dim:][:m.dim], out[first*m.dim:])
		}
	}
	return w, nil
}

// finish makes one embedding of what the network gave.
func (m *Model) finish(out []float32, b *batch, tokens, pooler []float32, skip int) {
	x := out
	if len(m.layers) > 0 || m.dim < m.pooled.dim() {
		b.x = grow(b.x, m.pooled.dim())
		x = b.x
	}
	m.pooled.pool(x, tokens, pooler, skip)
	for _, layer := range m.layers {
		b.y = grow(b.y, layer.out)
		layer.apply(b.y, x)
		b.x, b.y = b.y, b.x
		x = b.x
	}
	copy(out, x)
	if m.normalization == L2 {
		normalize(out)
	}
}
