package minnow

import (
	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/store"
)

// Hit is a document that was found, and how well it fits. In JSON its fields
// stand beside those of the document, in snake_case.
type Hit struct {
	Document

	// Start and End say which passage of the text was found: Text[Start:End].
	// It is the nearest one where a text was split, and else the whole.
	Start int `json:"start"`
	End   int `json:"end"`
	// Truncated is true if the passage was longer than the model's limit, so
	// that Distance is of its beginning only.
	Truncated bool `json:"truncated,omitempty"`

	// Score is what hits are ordered by: more is better. It compares hits of
	// one query. In mode [Vector] it is Similarity, in mode [Text] BM25, and in
	// mode [Hybrid] the sum over both lists of weight / (60 + rank): reciprocal
	// rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009). With Diversity,
	// the order is another.
	Score float64 `json:"score"`

	// Distance is how far the passage is from what was asked for; less is
	// nearer. Under [Cosine] it is 1 - cosine, from 0 (same direction) to 2
	// (opposite). Under [InnerProduct] it is 1 - dot product, and may be
	// negative. Under [L2] it is the square of the Euclidean distance. In mode
	// [Text] nothing is measured, and it is 0.
	Distance float32 `json:"distance"`
	// Similarity says the same the other way round: more is nearer. Under
	// [Cosine] it is the cosine, from -1 to 1; under [InnerProduct] the dot
	// product; under [L2] 1/(1+Distance), from 0 to 1. It compares hits of one
	// collection. It is no probability, and which value means "related"
	// depends on the model.
	Similarity float32 `json:"similarity"`

	// VectorRank and TextRank are the hit's places in the two lists of a
	// [Hybrid] query, or the one list of another, counted from 1. 0 means that
	// it is not among the first there.
	VectorRank int `json:"vector_rank,omitempty"`
	TextRank   int `json:"text_rank,omitempty"`
	// BM25 is how well the text has the words: Okapi BM25, 0 for none of them
	// and without a bound, as SQLite's FTS5 computes it with k1 1.2 and b 0.75.
	// It compares hits of one query.
	BM25 float64 `json:"bm25,omitempty"`
	// Words are those words of the query that the text has, in modes [Text] and
	// [Hybrid], as the query spells them.
	Words []string `json:"words,omitempty"`
}

// Passage is the part of the text that was found.
func (h *Hit) Passage() string { return h.Text[h.Start:h.End] }

// hit makes a Hit of a candidate and its row.
func (c *Collection) hit(found *candidate, row store.Row) (Hit, error) {
	d, err := decode(row.Document)
	h := Hit{
		Document: d, Start: row.Passage.Start, End: row.Passage.End, Truncated: row.Passage.Truncated,
		Score: found.score, VectorRank: found.vectorRank, TextRank: found.textRank, BM25: found.bm25,
	}
	if found.measured {
		h.Distance, h.Similarity = found.distance, c.spec.similarity(found.distance)
	}
	return h, err
}

// similarity turns a distance round; see [Hit].
func (s spec) similarity(distance float32) float32 {
	switch s.space {
	case hnswlib.Cosine:
		return max(-1, min(1-distance, 1)) // rounding may step over the edge
	case hnswlib.InnerProduct:
		return 1 - distance
	default:
		return 1 / (1 + distance)
	}
}
