package onnx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/onnx"
)

// smallTolerance is for the small models, whose weights are random and large: some embeddings are not of length 1 but 20.
const smallTolerance = 1e-5

// answers is a golden.json of testdata/make_models.py, which says what is in it.
type answers struct {
	Texts []string   `json:"texts"`
	IDs   [][]uint32 `json:"ids"`
	Cases []struct {
		Options onnx.Options `json:"options"`
		Kind    string       `json:"kind"`
		Vectors [][]float32  `json:"vectors"`
	} `json:"cases"`
}

// Every architecture, pooling, step and prompt that this package reads, as sentence-transformers computes it.
func TestSmallModelsGivePythonsNumbers(t *testing.T) {
	paths, err := filepath.Glob("testdata/models/*/golden.json")
	if err != nil || len(paths) < 13 {
		t.Fatalf("%d models, %v; testdata/make_models.py makes 13", len(paths), err)
	}
	for _, path := range paths {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var want answers
			data, err := os.ReadFile(path)
			if err == nil {
				err = json.Unmarshal(data, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range want.Cases {
				t.Run(fmt.Sprintf("%s %+v", c.Kind, c.Options), func(t *testing.T) {
					m, err := onnx.Open(dir, &c.Options)
					if err != nil {
						t.Fatal(err)
					}
					defer m.Close()
					if c.Options.MaxTokens == 0 {
						sameIDs(t, m, want.Texts, want.IDs)
					}
					sameVectors(t, m, c.Kind, want.Texts, c.Vectors)
					// The two models that want prompts of which their files say nothing.
					if c.Options.Prompts != nil {
						plain, err := onnx.Open(dir, nil)
						if err != nil {
							t.Fatal(err)
						}
						defer plain.Close()
						sameVectors(t, plain, c.Kind, want.Texts, c.Vectors)
					}
				})
			}
		})
	}
}

func sameIDs(t *testing.T, m *onnx.Model, texts []string, want [][]uint32) {
	t.Helper()
	for i, text := range texts {
		e, err := m.Tokenize(text)
		if err != nil || !slices.Equal(e.IDs, want[i]) {
			t.Errorf("Tokenize(%q) = %v, %v, want %v", text, e.IDs, err, want[i])
		}
		if n, err := m.CountTokens(text); err != nil || n != e.Total || e.Truncated() != (n > len(e.IDs)) {
			t.Errorf("CountTokens(%q) = %d, %v, want %d", text, n, err, e.Total)
		}
	}
}

func sameVectors(t *testing.T, m *onnx.Model, kind string, texts []string, want [][]float32) {
	t.Helper()
	embed := map[string]func(context.Context, []string) ([][]float32, error){
		"text": m.Embed, "query": m.EmbedQueries, "document": m.EmbedDocuments,
	}[kind]
	together, err := embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		if len(together[i]) != m.Dim() {
			t.Errorf("%q has %d numbers, Dim() is %d", text, len(together[i]), m.Dim())
		}
		alone, err := embed(t.Context(), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		for how, got := range map[string][]float32{"alone": alone[0], "in a batch": together[i]} {
			if delta := testkit.MaxDelta(got, want[i]); !(delta <= smallTolerance) {
				t.Errorf("%q %s: off by %.2g, want at most %g", text, how, delta, smallTolerance)
			}
		}
	}
}
