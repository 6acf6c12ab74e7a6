package minnow

import (
	"github.com/minnow-search/minnow/hnswlib"
)

// diversify picks n of the candidates by maximal marginal relevance: each time
// the one for which
//
//	(1 - diversity) * relevance - diversity * greatest similarity to one that is picked
//
// is the greatest. Relevance is the score as a share of the best, since scores
// of words and ranks have other ranges than similarities; in mode Vector it is
// the similarity itself.
func (s *searching) diversify(found []candidate, n int) ([]candidate, error) {
	if len(found) == 0 {
		return found, nil
	}
	if s.ix == nil {
		return nil, errStale
	}
	labels := make([]uint64, len(found))
	for i := range found {
		labels[i] = found[i].label
	}
	vectors, err := s.ix.Items(labels)
	if err != nil {
		return nil, errStale // a label is on its way in or out
	}
	best := 1.0
	if s.ask.Mode != Vector {
		best = found[0].score
	}
	diversity := float64(s.ask.Diversity)
	alike := make([]float64, len(found)) // to what is picked, at most
	for i := range alike {
		alike[i] = -1
	}
	picked := make([]candidate, 0, min(n, len(found)))
	taken := make([]bool, len(found))
	for len(picked) < min(n, len(found)) {
		next, most := -1, 0.0
		for i := range found {
			gain := (1-diversity)*found[i].score/best - diversity*max(alike[i], 0)
			if !taken[i] && (next < 0 || gain > most) {
				next, most = i, gain
			}
		}
		taken[next] = true
		picked = append(picked, found[next])
		for i := range found {
			if !taken[i] {
				alike[i] = max(alike[i], float64(s.c.spec.similarity(s.c.spec.distance(vectors[next], vectors[i]))))
			}
		}
	}
	return picked, nil
}

// distance is that of the space, of vectors as the graph gives them: under
// cosine they have length 1.
func (s spec) distance(a, b []float32) float32 {
	var sum float64
	for i := range a {
		if s.space == hnswlib.L2 {
			d := float64(a[i]) - float64(b[i])
			sum += d * d
		} else {
			sum += float64(a[i]) * float64(b[i])
		}
	}
	if s.space == hnswlib.L2 {
		return float32(sum)
	}
	return float32(1 - sum)
}
