package onnx

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// batchTokens is how many tokens, padding included, one run of the network takes. Runs of 512 and of 2048 cost the same a
// token (bench/runs/2026-11-23-export-graphs); small ones spread better over the cores and stop sooner.
const batchTokens = 512

// Embed returns one embedding of Dim numbers for each text, in the order of texts. Any string is a text, the empty one
// too; see package tokenizer for invalid UTF-8. A text of more than MaxTokens tokens is cut from the right. The caller
// owns the result, whose rows share one array.
//
// Texts of like length go through the network together; which others are in a call changes an embedding by rounding
// only, less than 1e-6 a number. The error is ctx's when ctx ends first, within one operator of the network.
func (m *Model) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, ErrClosed
	}
	encoded := make([][]uint32, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		e, err := m.shared.tokenizer.Encode(text)
		if err != nil {
			return nil, fmt.Errorf("embed text %d: %w", i, err)
		}
		if len(e.IDs) == 0 { // a batch of such texts would have no columns
			return nil, fmt.Errorf("embed text %d: the tokenizer %s gives it no token, not even a special one", i, m.shared.folder.tokenizer())
		}
		encoded[i] = e.IDs
	}

	dim := m.Dim()
	flat := make([]float32, len(texts)*dim)
	vecs := make([][]float32, len(texts))
	for i := range vecs {
		vecs[i] = flat[i*dim : (i+1)*dim : (i+1)*dim]
	}
	if err := m.embedBatches(ctx, batches(encoded), encoded, vecs); err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	return vecs, nil
}

// embedBatches runs up to shared.threads batches at a time, each on one core. Several cores on one run would save time
// only where nothing else wants them: on a busy machine they wait for each other, and a run takes longer than on one.
func (m *Model) embedBatches(ctx context.Context, groups [][]int, encoded [][]uint32, vecs [][]float32) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(m.shared.threads, len(groups)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(groups)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := m.embedBatch(ctx, groups[i], encoded, vecs); err != nil {
					cancel(err) // the first one counts; the others stop
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

func (m *Model) embedBatch(ctx context.Context, group []int, encoded [][]uint32, vecs [][]float32) error {
	texts := make([][]uint32, len(group))
	for i, text := range group {
		texts[i] = encoded[text]
	}
	b := m.shared.session.newBatch(texts)
	if err := m.shared.session.run(ctx, b); err != nil {
		return err
	}
	for i, text := range group {
		m.pooling.pool(vecs[text], b, i, len(texts[i]))
		if m.normalization == L2 {
			normalize(vecs[text])
		}
	}
	return nil
}

// batches groups texts by length: indices into encoded, longest first, so that the most memory is asked for at once,
// each group within batchTokens after padding, or a single text.
func batches(encoded [][]uint32) [][]int {
	order := make([]int, len(encoded))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(encoded[b]), len(encoded[a])) })
	var groups [][]int
	for len(order) > 0 {
		n := min(len(order), max(1, batchTokens/len(encoded[order[0]])))
		groups = append(groups, order[:n])
		order = order[n:]
	}
	return groups
}
