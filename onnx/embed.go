package onnx

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minnow-search/minnow/internal/background"
	"github.com/minnow-search/minnow/tokenizer"
)

// batchTokens is how many tokens one run takes if nobody says: in ONNX Runtime on processors, where runs of 512 and of 2048 cost
// the same a token (bench/runs/2026-11-23-export-graphs), and on our own kernels, where 256 and 512 do. Small ones spread
// better over the cores and stop sooner. A GPU wants more at a time, up to a point (bench/runs/2026-11-26-embed-cuda).
func (s *shared) batchTokens() int {
	switch {
	case s.encoder != nil:
		return 256
	case s.provider == CPU:
		return 512
	}
	return 8192
}

// work is texts on their way through the network. Texts that are the same go once.
type work struct {
	texts   []string
	first   []int // of text i: the first text that is the same
	unique  []int // the texts that are the first
	encoded []tokenizer.Encoding
}

func newWork(texts []string) *work {
	w := &work{texts: texts, first: make([]int, len(texts)), encoded: make([]tokenizer.Encoding, len(texts))}
	seen := make(map[string]int, len(texts))
	for i, text := range texts {
		first, again := seen[text]
		if !again {
			first, seen[text] = i, i
			w.unique = append(w.unique, i)
		}
		w.first[i] = first
	}
	return w
}

// embed calls done for each unique text with what the network makes of it: a vector for each of its tokens, and the
// pooler output. They are done's until it returns; it is called from several goroutines.
func (m *Model) embed(ctx context.Context, w *work, prompt string, done func(i int, b *batch, tokens, pooled []float32)) error {
	s := m.shared
	err := each(ctx, len(w.unique), s.threads, func(_ context.Context, u int) error {
		i := w.unique[u]
		e, err := s.tokenizer.Encode(prompt + w.texts[i])
		if err == nil && len(e.IDs) == 0 { // a batch of such texts would have no columns
			err = fmt.Errorf("the tokenizer %s gives it no token, not even a special one", s.folder.tokenizer())
		}
		if err != nil {
			return fmt.Errorf("text %d: %w", i, err)
		}
		w.encoded[i] = e
		return nil
	})
	if err != nil {
		return err
	}
	groups := w.groups(s.batch)
	return each(ctx, len(groups), s.threads, func(ctx context.Context, g int) error {
		b := s.batches.Get().(*batch)
		defer s.batches.Put(b)
		b.texts = b.texts[:0]
		for _, i := range groups[g] {
			b.texts = append(b.texts, w.encoded[i].IDs)
		}
		if err := s.run(ctx, b, len(groups) == 1); err != nil {
			return err
		}
		for row, i := range groups[g] {
			tokens, pooled := s.network.text(b, row)
			done(i, b, tokens, pooled)
		}
		return nil
	})
}

// groups puts texts of like length together: longest first, so that the most memory is asked for at once, each group
// of at most so many tokens after padding, or a single text.
func (w *work) groups(tokens int) [][]int {
	order := w.unique
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(w.encoded[b].IDs), len(w.encoded[a].IDs)) })
	var groups [][]int
	for len(order) > 0 {
		n := min(len(order), max(1, tokens/len(w.encoded[order[0]].IDs)))
		groups = append(groups, order[:n])
		order = order[n:]
	}
	return groups
}

// run runs the network on b; see lone for a batch that is the only one of its call.
func (s *shared) run(ctx context.Context, b *batch, only bool) error {
	if background.Is(ctx) { // it makes way for a lone one, and doesn't count as beside it
		return s.runner.run(ctx, b)
	}
	others := s.lone.running.Add(1) - 1
	defer s.lone.running.Add(-1)
	if !only || others > 0 || s.threads == 1 || s.provider != CPU {
		return s.runner.run(ctx, b)
	}
	chosen := s.lone.pick(s.runner, func() (runner, error) { return s.open(s.threads) })
	begin := time.Now()
	err := chosen.run(ctx, b)
	if err == nil && s.lone.running.Load() == 1 {
		tokens := 0
		for _, ids := range b.texts {
			tokens += len(ids)
		}
		s.lone.took(chosen, tokens, time.Since(begin))
	}
	return err
}

// each calls f for 0 to n-1 on up to so many goroutines, until one fails or ctx ends, whose cause it returns. They step
// back for others if ctx says so.
func each(ctx context.Context, n, goroutines int, f func(ctx context.Context, i int) error) error {
	if goroutines = min(goroutines, n); goroutines <= 1 {
		for i := range n {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := f(ctx, i); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var crew sync.WaitGroup
	for range goroutines {
		crew.Go(func() {
			background.Step(ctx)
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := f(ctx, int(i)); err != nil {
					cancel(err) // the first one counts; the others stop
				}
			}
		})
	}
	crew.Wait()
	return context.Cause(ctx)
}
