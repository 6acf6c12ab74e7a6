package minnow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// lengths is a model that looks at the length of a text.
type lengths struct{}

func (lengths) Dim() int   { return 2 }
func (lengths) ID() string { return "lengths" }

func (lengths) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = []float32{1, float32(len(text))}
	}
	return vectors, nil
}

// A caller can't make the graph fail, but memory can run out.
func TestAGraphThatFailsIsMadeAgain(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(t *testing.T, c *Collection)
	}{
		{"it failed by itself", func(t *testing.T, c *Collection) {
			if err := c.graph.Load().Close(); err != nil {
				t.Fatal(err)
			}
		}},
		{"it lost documents in the middle of an Add", func(t *testing.T, c *Collection) {
			if err := c.graph.Load().Close(); err != nil {
				t.Fatal(err)
			}
			if err := c.Add(t.Context(), Document{ID: "more", Text: "more text"}); err != nil {
				t.Fatalf("Add to the store = %v, want nil", err)
			}
			if c.Stats().GraphReady {
				t.Error("GraphReady is true of a graph that failed")
			}
			if _, err := c.Delete(t.Context(), "more"); err != nil {
				t.Fatal(err)
			}
		}},
		{"it holds a document that the store doesn't", func(t *testing.T, c *Collection) {
			if err := c.graph.Load().Add([]float32{1, 1}, []uint64{999}); err != nil {
				t.Fatal(err)
			}
			if err := c.Check(t.Context()); !errors.Is(err, ErrDamaged) {
				t.Errorf("Check() = %v, want ErrDamaged", err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			c, err := Open(t.TempDir(), lengths{}, &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			const n = 5
			for i := range n {
				if err := c.Add(t.Context(), Document{ID: fmt.Sprint(i), Text: strings.Repeat("x", i+1)}); err != nil {
					t.Fatal(err)
				}
			}
			test.fail(t, c)
			for range 2 { // the first one makes the graph again
				hits, err := c.KNNQuery(t.Context(), "xxx", &Query{K: 2 * n})
				if err != nil || len(hits) != n || hits[0].ID != "2" {
					t.Errorf("KNNQuery() = %v, %v, want %d hits and document 2 first", hits, err, n)
				}
			}
			if got := strings.Count(log.String(), "making the graph from the store"); got != 1 {
				t.Errorf("the graph was made %d times, want once; log:\n%s", got, log.String())
			}
			if err := errors.Join(c.Check(t.Context()), c.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}
