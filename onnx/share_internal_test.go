package onnx

import (
	"strings"
	"testing"
	"time"

	"github.com/minnow-search/minnow/internal/testkit"
)

// BenchmarkGoShare tells which part of the time of an Embed is Go's: all but the runs of the network and the tokenizer.
// It takes the steps of Embed one by one, on one core, with a watch for each side.
func BenchmarkGoShare(b *testing.B) {
	m, err := Open(testkit.Model(b, testkit.GoldenModel), &Options{Threads: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	for name, words := range map[string]int{"short": 14, "long": 78} {
		b.Run(name, func(b *testing.B) {
			texts := make([]string, 4096/words)
			for i := range texts {
				texts[i] = strings.Repeat("fish ", words-3+i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
			}
			var ours, native time.Duration
			for b.Loop() {
				embedSteps(b, m, texts, &ours, &native)
			}
			b.ReportMetric(100*float64(ours)/float64(ours+native), "%Go")
		})
	}
}

func embedSteps(b *testing.B, m *Model, texts []string, ours, native *time.Duration) {
	timed := func(watch *time.Duration, step func()) {
		begin := time.Now()
		step()
		*watch += time.Since(begin)
	}
	var w *work
	var groups [][]int
	out := make([]float32, len(texts)*m.dim)
	timed(ours, func() { w = newWork(texts) })
	timed(native, func() {
		for _, i := range w.unique {
			var err error
			if w.encoded[i], err = m.shared.tokenizer.Encode(texts[i]); err != nil {
				b.Fatal(err)
			}
		}
	})
	timed(ours, func() { groups = w.groups(m.shared.batch) })
	session := m.shared.runner.(*session)
	for _, group := range groups {
		batch := m.shared.batches.Get().(*batch)
		timed(ours, func() {
			batch.texts = batch.texts[:0]
			for _, i := range group {
				batch.texts = append(batch.texts, w.encoded[i].IDs)
			}
			session.fill(batch)
		})
		timed(native, func() {
			if err := session.compute(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		})
		timed(ours, func() {
			for row, i := range group {
				tokens, _ := m.shared.network.text(batch, row)
				m.finish(out[i*m.dim:][:m.dim], batch, tokens, nil, 0)
			}
		})
		m.shared.batches.Put(batch)
	}
}
