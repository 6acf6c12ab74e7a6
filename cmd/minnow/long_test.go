package main

import (
	"strings"
	"testing"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/onnx"
	"github.com/minnow-search/minnow/split"
)

// *onnx.Model is all that a collection and a splitter ask for.
var (
	_ minnow.PromptedEmbedder = (*onnx.Model)(nil)
	_ minnow.LimitedEmbedder  = (*onnx.Model)(nil)
	_ split.Counter           = (*onnx.Model)(nil)
)

// With the real model and its tokenizer: what is beyond the limit is not found
// and the hit says so; split, it is found, and the hit says where.
func TestALongTextIsFoundByItsEndOnceItIsSplit(t *testing.T) {
	m, err := onnx.Open(testkit.Model(t, testkit.GoldenModel), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const end = "The bank raised its interest rate by half a percent."
	long := strings.Repeat("Minnows are small fish that live in fresh water. ", 60) + end
	docs := []minnow.Document{{ID: "long", Text: long}, {ID: "short", Text: "A recipe for bread with seeds."}}
	query := func(o *minnow.Options) minnow.Hit {
		t.Helper()
		c, err := minnow.Open(t.TempDir(), m, o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Add(t.Context(), docs...); err != nil {
			t.Fatal(err)
		}
		hits, err := c.KNNQuery(t.Context(), "What did the central bank do about interest?", nil)
		if err != nil || len(hits) != 2 {
			t.Fatalf("KNNQuery = %v, %v, want both documents", hits, err)
		}
		for _, h := range hits {
			if h.ID == "short" && h.Truncated {
				t.Error("the short text is said to be truncated")
			}
		}
		if hits[0].ID != "long" {
			hits[0] = hits[1]
		}
		return hits[0]
	}
	if h := query(nil); !h.Truncated || h.Passage() != long {
		t.Errorf("whole: truncated %v, passage of %d bytes; want it cut, and %d", h.Truncated, len(h.Passage()), len(long))
	}
	h := query(&minnow.Options{Splitter: split.Sentences(m, &split.Options{MaxTokens: 32})})
	if h.Truncated || !strings.HasSuffix(h.Passage(), end) || h.Similarity < 0.5 {
		t.Errorf("split: truncated %v, %q at similarity %v; want the last sentence", h.Truncated, h.Passage(), h.Similarity)
	}
}
