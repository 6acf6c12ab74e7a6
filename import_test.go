package minnow_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minnow-search/minnow"
)

// supply yields n documents.
func supply(n int) iter.Seq[minnow.Document] {
	return func(yield func(minnow.Document) bool) {
		for i := range n {
			if !yield(minnow.Document{ID: fmt.Sprint(i), Text: sentence(i), Metadata: map[string]any{"n": i}}) {
				return
			}
		}
	}
}

func TestAddSeqAddsAllAndResumes(t *testing.T) {
	w := &words{}
	dir := t.TempDir()
	c := open(t, dir, w, nil)
	const n = 2500
	var distinct = map[string]bool{}
	for i := range n {
		distinct[sentence(i)] = true
	}
	stats, err := c.AddSeq(t.Context(), supply(n))
	if err != nil || stats != (minnow.ImportStats{Documents: n, Embedded: n}) {
		t.Fatalf("AddSeq = %+v, %v, want %d stored and embedded", stats, err, n)
	}
	if c.Len() != n {
		t.Errorf("Len() = %d, want %d", c.Len(), n)
	}
	before := w.texts.Load()
	stats, err = c.AddSeq(t.Context(), supply(n+5))
	if err != nil || stats != (minnow.ImportStats{Documents: n + 5, Embedded: 5}) || w.texts.Load() > before+5 {
		t.Errorf("AddSeq again = %+v, %v, with %d texts embedded, want 5", stats, err, w.texts.Load()-before)
	}
	for _, id := range []string{"0", "1024", "2499", "2504"} {
		if d, err := c.Get(t.Context(), id); err != nil || d.ID != id {
			t.Errorf("Get(%s) = %v, %v", id, d, err)
		}
	}
	if stats, err := c.AddSeq(t.Context(), supply(0)); err != nil || stats != (minnow.ImportStats{}) {
		t.Errorf("AddSeq of nothing = %+v, %v", stats, err)
	}
}

// failing is words until its n-th call.
type failing struct {
	words
	calls atomic.Int64
	n     int64
	err   error
	then  func()
}

func (f *failing) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if f.calls.Add(1) >= f.n {
		if f.then != nil {
			f.then()
		}
		if f.err != nil {
			return nil, f.err
		}
	}
	return f.words.Embed(ctx, texts)
}

func TestAddSeqThatFailsKeepsWholeLoads(t *testing.T) {
	broken := errors.New("broken")
	ended, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, test := range []struct {
		name string
		ctx  context.Context
		e    *failing
		docs iter.Seq[minnow.Document]
		want error
	}{
		{"the embedder fails", t.Context(), &failing{n: 3, err: broken}, supply(5000), broken},
		{"the context ends", ended, &failing{n: 3, then: cancel}, supply(5000), context.Canceled},
		{"a document is invalid", t.Context(), &failing{n: 1 << 60}, func(yield func(minnow.Document) bool) {
			for d := range supply(2500) {
				if d.ID == "2200" {
					d.Text = "\xff"
				}
				if !yield(d) {
					return
				}
			}
		}, minnow.ErrInvalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := open(t, t.TempDir(), test.e, nil)
			returned := false
			stats, err := c.AddSeq(test.ctx, func(yield func(minnow.Document) bool) {
				defer func() { returned = true }()
				test.docs(yield)
			})
			if !errors.Is(err, test.want) {
				t.Errorf("AddSeq = %v, want %v", err, test.want)
			}
			if !returned {
				t.Error("AddSeq returned before its sequence did")
			}
			if stats.Documents != c.Len() || stats.Documents%1024 != 0 {
				t.Errorf("%d documents are counted and %d stored, want whole loads", stats.Documents, c.Len())
			}
			for i, d := range collect(t, c.All(t.Context())) {
				if d.ID != fmt.Sprint(i) {
					t.Fatalf("document %d is %s: not the beginning of the sequence", i, d.ID)
				}
			}
		})
	}
}

func TestAddSeqBoundsALoadByItsText(t *testing.T) {
	c := openNew(t)
	words := 2 << 20 // 10 MB
	if testing.Short() {
		words = 1 << 20
	}
	long := strings.Repeat("word ", words)
	stats, err := c.AddSeq(t.Context(), slices.Values([]minnow.Document{doc("a", long), doc("b", "short"), doc("c", long+"end")}))
	if err != nil || stats.Documents != 3 {
		t.Fatalf("AddSeq = %+v, %v, want 3", stats, err)
	}
	if d, err := c.Get(t.Context(), "c"); err != nil || len(d.Text) != len(long)+3 {
		t.Errorf("a text of 10 MB came back with %d bytes, %v", len(d.Text), err)
	}
}

func TestProgressIsReported(t *testing.T) {
	var reports []minnow.Progress
	o := &minnow.Options{Progress: func(p minnow.Progress) { reports = append(reports, p) }}
	dir := t.TempDir()
	c := open(t, dir, &words{}, o)
	if _, err := c.AddSeq(t.Context(), supply(1500)); err != nil {
		t.Fatal(err)
	}
	closeNow(t, c)
	last := reports[len(reports)-1]
	if last.Task != "add" || last.Done != 1500 || last.Elapsed <= 0 {
		t.Errorf("the last report of an import is %+v, want 1500 done", last)
	}
	edit(t, graphFile(t, dir), func([]byte) []byte { return nil })
	reports = nil
	open(t, dir, &words{}, o)
	if len(reports) == 0 {
		t.Fatal("no report of a graph that was made")
	}
	if last := reports[len(reports)-1]; last.Task != "graph" || last.Done != 1500 || last.Total != 1500 {
		t.Errorf("the last report of the graph is %+v, want 1500 of 1500", last)
	}
}

func TestVectorsOfTheCallers(t *testing.T) {
	c := open(t, t.TempDir(), minnow.OwnVectors(3, "mine"), nil)
	docs := []minnow.Document{{ID: "x"}, {ID: "y", Text: "why"}, {ID: "z", Metadata: map[string]any{"n": 1}}}
	vectors := [][]float32{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	if err := c.AddVectors(t.Context(), docs, vectors); err != nil {
		t.Fatal(err)
	}
	sequence := c.Stats().Sequence
	if err := c.AddVectors(t.Context(), docs, vectors); err != nil || c.Stats().Sequence != sequence {
		t.Errorf("the same again = %v, and sequence %d after %d: something was written", err, c.Stats().Sequence, sequence)
	}
	if err := c.AddVectors(t.Context(), docs[:1], [][]float32{{0, 1, 0.1}}); err != nil {
		t.Fatal(err)
	}
	hits, err := c.KNNQueryVector(t.Context(), []float32{0, 2, 0}, &minnow.Query{K: 2})
	if err != nil || !slices.Equal(ids(hits), []string{"y", "x"}) {
		t.Errorf("KNNQueryVector = %q, %v, want y and x", ids(hits), err)
	}
	if hits, err := c.KNNQuery(t.Context(), "why", &minnow.Query{Mode: minnow.Text}); err != nil || !slices.Equal(ids(hits), []string{"y"}) {
		t.Errorf("a text query = %q, %v, want y", ids(hits), err)
	}
	for name, err := range map[string]error{
		"fewer vectors":  c.AddVectors(t.Context(), docs, vectors[:2]),
		"another length": c.AddVectors(t.Context(), docs[:1], [][]float32{{1}}),
		"no direction":   c.AddVectors(t.Context(), docs[:1], [][]float32{{0, 0, 0}}),
		"an empty ID":    c.AddVectors(t.Context(), []minnow.Document{{}}, vectors[:1]),
		"Add":            c.Add(t.Context(), doc("t", "text")),
		"KNNQuery":       func() error { _, err := c.KNNQuery(t.Context(), "text", nil); return err }(),
	} {
		if !errors.Is(err, minnow.ErrInvalid) {
			t.Errorf("%s = %v, want ErrInvalid", name, err)
		}
	}
	if c.Len() != 3 {
		t.Errorf("Len() = %d, want 3", c.Len())
	}
}
