package minnow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow"
)

// words is a model for tests: each word of a text adds to one of 32 numbers.
// Texts with words in common are near each other.
type words struct {
	id    string       // "words" if empty
	texts atomic.Int64 // embedded so far
}

func (w *words) Dim() int { return 32 }

func (w *words) ID() string {
	if w.id == "" {
		return "words"
	}
	return w.id
}

func (w *words) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.texts.Add(int64(len(texts)))
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = bag(text)
	}
	return vectors, nil
}

func bag(text string) []float32 {
	v := make([]float32, 32)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		h := fnv.New32a()
		h.Write([]byte(strings.Trim(word, ".,!?")))
		v[h.Sum32()%32]++
	}
	return v
}

// logBuffer keeps what a collection logs.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// open opens a collection, and checks and closes it at the end of the test.
func open(t testing.TB, dir string, e minnow.Embedder, o *minnow.Options) *minnow.Collection {
	t.Helper()
	c, err := minnow.Open(dir, e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Check(context.Background()); err != nil && !errors.Is(err, minnow.ErrClosed) {
			t.Errorf("Check() = %v, want nil", err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return c
}

func openNew(t testing.TB) *minnow.Collection {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "new", "collection"), &words{}, nil)
}

func doc(id, text string) minnow.Document { return minnow.Document{ID: id, Text: text} }

func add(t testing.TB, c *minnow.Collection, docs ...minnow.Document) {
	t.Helper()
	if err := c.Add(t.Context(), docs...); err != nil {
		t.Fatal(err)
	}
}

func closeNow(t testing.TB, c *minnow.Collection) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func query(t testing.TB, c *minnow.Collection, text string, k int) []minnow.Hit {
	t.Helper()
	hits, err := c.KNNQuery(t.Context(), text, &minnow.Query{K: k})
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func ids(hits []minnow.Hit) []string {
	got := []string{}
	for _, h := range hits {
		got = append(got, h.ID)
	}
	return got
}

func collect[T any](t testing.TB, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func wantDocuments(t testing.TB, c *minnow.Collection, want ...minnow.Document) {
	t.Helper()
	if d := cmp.Diff(want, collect(t, c.All(t.Context()))); d != "" {
		t.Errorf("All: -want +got\n%s", d)
	}
	if got := c.Len(); got != len(want) {
		t.Errorf("Len() = %d, want %d", got, len(want))
	}
}

// sentence is text number i of an endless supply.
func sentence(i int) string {
	return fmt.Sprintf("w%d w%d w%d w%d w%d", i%7, i%11, i%13, i%17, i*i%101)
}

// copyFolder copies a collection as a crash of its process would leave it.
func copyFolder(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}
