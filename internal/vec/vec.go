// Package vec finds nearest vectors by looking at all of them, in float64: the
// oracle that tests hold faster searches to.
package vec

import (
	"cmp"
	"math"
	"slices"
)

// Distance says how far apart two vectors of one length are. Smaller is nearer.
type Distance func(a, b []float32) float64

// L2 is the squared Euclidean distance.
func L2(a, b []float32) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return sum
}

// InnerProduct is 1 minus the dot product.
func InnerProduct(a, b []float32) float64 { return 1 - dot(a, b) }

// Cosine is 1 minus the cosine of the angle. It is NaN for a zero vector.
func Cosine(a, b []float32) float64 {
	return 1 - dot(a, b)/math.Sqrt(dot(a, a)*dot(b, b))
}

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// Hit is one answer: a row's index and its distance.
type Hit struct {
	Row      int
	Distance float64
}

// Nearest returns the min(k, len(rows)) rows nearest to query, nearest first,
// equal distances by row.
func Nearest(d Distance, rows [][]float32, query []float32, k int) []Hit {
	hits := make([]Hit, len(rows))
	for i, row := range rows {
		hits[i] = Hit{i, d(query, row)}
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Row, b.Row))
	})
	return hits[:min(k, len(hits))]
}
