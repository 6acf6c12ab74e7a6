package minnow_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow"
)

// exact ranks documents by the distance of their bags to vec, in float64.
func exact(space minnow.Space, docs []minnow.Document, vec []float32) []minnow.Hit {
	var hits []minnow.Hit
	for _, d := range docs {
		var dot, aa, bb, squared float64
		for i, b := range bag(d.Text) {
			x, y := float64(vec[i]), float64(b)
			dot += x * y
			aa += x * x
			bb += y * y
			squared += (x - y) * (x - y)
		}
		h := minnow.Hit{Document: d}
		switch space {
		case minnow.Cosine:
			cosine := dot / math.Sqrt(aa*bb)
			h.Distance, h.Similarity = float32(1-cosine), float32(cosine)
		case minnow.InnerProduct:
			h.Distance, h.Similarity = float32(1-dot), float32(dot)
		case minnow.L2:
			h.Distance, h.Similarity = float32(squared), float32(1/(1+squared))
		}
		hits = append(hits, h)
	}
	slices.SortStableFunc(hits, func(a, b minnow.Hit) int { return cmp.Compare(a.Distance, b.Distance) })
	return hits
}

func TestKNNQueryAnswersAsBruteForceDoes(t *testing.T) {
	// The graph is asked to look at everything, so that the answer is exact.
	// Distances are sums of 32 products in float32: 1e-5 of their size is ten
	// times the rounding seen.
	const n, k = 400, 15
	for _, space := range []minnow.Space{minnow.Cosine, minnow.InnerProduct, minnow.L2} {
		t.Run(string(space), func(t *testing.T) {
			c := open(t, t.TempDir(), &words{}, &minnow.Options{Space: space})
			docs := make([]minnow.Document, n)
			for i := range docs {
				docs[i] = doc(fmt.Sprint(i), sentence(i))
			}
			add(t, c, docs...)
			rng := rand.New(rand.NewPCG(1, 2))
			for range 30 {
				vec := make([]float32, 32)
				for i := range vec {
					vec[i] = rng.Float32() - 0.25
				}
				got, err := c.KNNQueryVector(t.Context(), vec, &minnow.Query{K: k, Ef: n})
				if err != nil {
					t.Fatal(err)
				}
				want := exact(space, docs, vec)
				if len(got) != k {
					t.Fatalf("KNNQueryVector returned %d hits, want %d", len(got), k)
				}
				byID := make(map[string]minnow.Hit, n)
				for _, h := range want {
					byID[h.ID] = h
				}
				for i, h := range got {
					// Ties may come in any order, so each place is compared by
					// distance, and each document with its own.
					if !near(h.Distance, want[i].Distance) || !near(h.Distance, byID[h.ID].Distance) || !near(h.Similarity, byID[h.ID].Similarity) {
						t.Errorf("hit %d is %v, want %v", i, h, want[i])
					}
				}
			}
		})
	}
}

func TestARecallIsKept(t *testing.T) {
	// Vectors of 32 small whole numbers tie often, so what counts is the distance. Of 60
	// queries the recall has a standard deviation of about 0.01.
	const n, k, wanted = 3000, 10, 0.9
	c := openNew(t)
	docs := make([]minnow.Document, n)
	for i := range docs {
		docs[i] = doc(fmt.Sprint(i), sentence(i))
	}
	add(t, c, docs...)
	rng := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 60 {
		vec := bag(fmt.Sprintf("w%d w%d w%d w%d", rng.IntN(13), rng.IntN(17), rng.IntN(17), rng.IntN(101)))
		hits, err := c.KNNQueryVector(t.Context(), vec, &minnow.Query{K: k, Recall: wanted})
		if err != nil || len(hits) != k {
			t.Fatalf("KNNQueryVector = %d hits, %v, want %d", len(hits), err, k)
		}
		last := exact(minnow.Cosine, docs, vec)[k-1]
		for _, h := range hits {
			if h.Distance <= last.Distance || near(h.Distance, last.Distance) {
				found++
			}
		}
	}
	if recall := float64(found) / (60 * k); recall < wanted-0.03 {
		t.Errorf("recall is %.3f, asked for %v", recall, wanted)
	}
}

func near(a, b float32) bool {
	return math.Abs(float64(a-b)) <= 1e-5*max(1, math.Abs(float64(b)))
}

func TestKNNQueryReturnsAsManyAsThereAre(t *testing.T) {
	c := openNew(t)
	for n := range 12 {
		if n > 0 {
			add(t, c, doc(fmt.Sprint(n), sentence(n)))
		}
		for _, test := range []struct{ k, want int }{{0, min(n, 10)}, {1, min(n, 1)}, {100, n}, {math.MaxInt, n}} {
			hits, err := c.KNNQuery(t.Context(), "w1 w2", &minnow.Query{K: test.k})
			if err != nil || len(hits) != test.want {
				t.Errorf("KNNQuery with K %d of %d documents = %d hits, %v, want %d", test.k, n, len(hits), err, test.want)
			}
		}
	}
	if hits, err := c.KNNQuery(t.Context(), "w1", nil); err != nil || len(hits) != 10 {
		t.Errorf("KNNQuery with no Query = %d hits, %v, want 10", len(hits), err)
	}
}

func TestQueriesThatMakeNoSenseAreRefused(t *testing.T) {
	c := openNew(t)
	add(t, c, doc("a", "fish"))
	vector := func(x float32) []float32 { return slices.Repeat([]float32{x}, 32) }
	nan := vector(1)
	nan[7] = float32(math.NaN())
	for _, test := range []struct {
		name string
		text string // or vec
		vec  []float32
		q    *minnow.Query
		want error
	}{
		{"an empty text", "", nil, nil, minnow.ErrInvalid},
		{"a text that is not UTF-8", "\xff", nil, nil, minnow.ErrInvalid},
		{"a negative K", "fish", nil, &minnow.Query{K: -1}, minnow.ErrInvalid},
		{"a negative Ef", "fish", nil, &minnow.Query{Ef: -1}, minnow.ErrInvalid},
		{"a recall of 1", "fish", nil, &minnow.Query{Recall: 1}, minnow.ErrInvalid},
		{"a negative recall", "fish", nil, &minnow.Query{Recall: -0.5}, minnow.ErrInvalid},
		{"a recall and an Ef", "fish", nil, &minnow.Query{Recall: 0.9, Ef: 50}, minnow.ErrInvalid},
		{"an empty vector", "", []float32{}, nil, minnow.ErrInvalid},
		{"a short vector", "", make([]float32, 31), nil, minnow.ErrInvalid},
		{"a zero vector", "", vector(0), nil, minnow.ErrInvalid},
		{"a vector with NaN", "", nan, nil, minnow.ErrInvalid},
		{"a vector that is too long", "", vector(1e30), nil, minnow.ErrInvalid},
	} {
		var err error
		if test.vec == nil {
			_, err = c.KNNQuery(t.Context(), test.text, test.q)
		} else {
			_, err = c.KNNQueryVector(t.Context(), test.vec, test.q)
		}
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestOneTextIsNearestToItself(t *testing.T) {
	c := openNew(t)
	add(t, c, doc("a", "one two"), doc("b", "three four"))
	hit := query(t, c, "two one", 1)[0]
	hit.Distance, hit.Similarity = float32(math.Round(float64(hit.Distance)*1e6)), float32(math.Round(float64(hit.Similarity)*1e6)/1e6)
	hit.Score = math.Round(hit.Score*1e6) / 1e6
	want := minnow.Hit{Document: doc("a", "one two"), End: 7, Score: 1, VectorRank: 1, Distance: 0, Similarity: 1}
	if d := gocmp.Diff(want, hit); d != "" {
		t.Errorf("nearest: -want +got\n%s", d)
	}
}

// prompted is words with a prompt of a model before each side.
type prompted struct {
	words
	queries, documents []string
}

func (p *prompted) EmbedQueries(ctx context.Context, texts []string) ([][]float32, error) {
	p.queries = append(p.queries, texts...)
	return p.Embed(ctx, texts)
}

func (p *prompted) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	p.documents = append(p.documents, texts...)
	return p.Embed(ctx, texts)
}

func TestAnEmbedderWithPromptsIsToldWhatATextIs(t *testing.T) {
	p := &prompted{}
	c := open(t, t.TempDir(), p, nil)
	add(t, c, doc("a", "small fish"))
	query(t, c, "fish", 1)
	if d := gocmp.Diff([]string{"small fish"}, p.documents); d != "" {
		t.Errorf("documents: -want +got\n%s", d)
	}
	if d := gocmp.Diff([]string{"fish"}, p.queries); d != "" {
		t.Errorf("queries: -want +got\n%s", d)
	}
}

var _ minnow.PromptedEmbedder = (*prompted)(nil)
