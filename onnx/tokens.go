package onnx

import (
	"context"
	"errors"
	"fmt"

	"github.com/minnow-search/minnow/tokenizer"
)

// Tokenize returns the token ids that Embed gives to the network for text: without a prompt, special tokens included, and
// cut to MaxTokens. Its Total tells how many the whole text has.
func (m *Model) Tokenize(text string) (tokenizer.Encoding, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return tokenizer.Encoding{}, ErrClosed
	}
	return m.shared.tokenizer.Encode(text)
}

// CountTokens returns how many tokens the whole text has, special ones included, however many MaxTokens allows.
func (m *Model) CountTokens(text string) (int, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return 0, ErrClosed
	}
	return m.shared.tokenizer.CountTokens(text)
}

// TokenEmbeddings are a text's tokens and the vector that the network gives each, before pooling.
type TokenEmbeddings struct {
	IDs     []uint32
	Vectors [][]float32 // len(IDs) × the network's width
}

// EmbedTokens returns the vectors of all tokens of each text, special tokens included, in the order of texts: what Embed
// pools, with Embed's prompt. The caller owns the result. A network that pools by itself has none to give.
func (m *Model) EmbedTokens(ctx context.Context, texts []string) ([]TokenEmbeddings, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	out := m.shared.network.tokens
	if out == nil {
		return nil, errors.New("embed tokens: the network gives one vector a text, and none a token")
	}
	w := newWork(texts)
	results := make([]TokenEmbeddings, len(texts))
	copied := func(i int, tokens []float32) {
		ids := w.encoded[w.first[i]].IDs
		flat := append([]float32(nil), tokens...)
		results[i] = TokenEmbeddings{append([]uint32(nil), ids...), make([][]float32, len(ids))}
		for t := range ids {
			results[i].Vectors[t] = flat[t*out.width() : (t+1)*out.width() : (t+1)*out.width()]
		}
	}
	err := m.embed(ctx, w, m.prompts.Text, func(i int, _ *batch, tokens, _ []float32) { copied(i, tokens) })
	if err != nil {
		return nil, fmt.Errorf("embed tokens: %w", err)
	}
	for i, first := range w.first {
		if i != first {
			var flat []float32
			for _, row := range results[first].Vectors {
				flat = append(flat, row...)
			}
			copied(i, flat)
		}
	}
	return results, nil
}
