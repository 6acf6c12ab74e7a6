package minnow

import (
	"context"
	"fmt"
	"math"
	"unicode/utf8"
)

// aim finds out what to search by: the vector of the text, or the one to which
// examples lead.
func (c *Collection) aim(ctx context.Context, a *ask) error {
	if a.Mode == Text {
		return nil
	}
	if a.text != "" {
		a.near = append([]Example{{Text: a.text}}, a.near...)
	}
	a.exclude = make(map[uint64]bool)
	near, err := c.vectorsOf(ctx, a, a.near)
	if err != nil {
		return err
	}
	if len(near) == 1 && len(a.Away) == 0 {
		a.vec = near[0]
		return nil
	}
	away, err := c.vectorsOf(ctx, a, a.Away)
	if err != nil {
		return err
	}
	a.vec = make([]float32, c.spec.dim)
	n, out := meanDirection(near, c.spec.dim), meanDirection(away, c.spec.dim)
	for i := range a.vec {
		a.vec[i] = float32(n[i])
		if len(away) > 0 {
			a.vec[i] = float32(2*n[i] - out[i])
		}
	}
	if problem := c.spec.unfit(a.vec); problem != "" {
		return fmt.Errorf("%w: the examples cancel each other out: %s", ErrInvalid, problem)
	}
	return nil
}

// vectorsOf returns a vector for each example. Texts are embedded together.
func (c *Collection) vectorsOf(ctx context.Context, a *ask, examples []Example) ([][]float32, error) {
	vectors := make([][]float32, len(examples))
	var texts []string
	var places []int
	for i, e := range examples {
		switch {
		case e.ID != "" && e.Text == "" && e.Vector == nil:
			v, err := c.vectorOf(ctx, a, e.ID)
			if err != nil {
				return nil, err
			}
			vectors[i] = v
		case e.ID == "" && e.Text != "" && e.Vector == nil:
			if !utf8.ValidString(e.Text) {
				return nil, fmt.Errorf("%w: the text of an example is not valid UTF-8", ErrInvalid)
			}
			texts, places = append(texts, e.Text), append(places, i)
		case e.ID == "" && e.Text == "":
			if problem := c.spec.unfit(e.Vector); problem != "" {
				return nil, fmt.Errorf("%w: %s", ErrInvalid, problem)
			}
			vectors[i] = e.Vector
		default:
			return nil, fmt.Errorf("%w: an example must have exactly one of ID, Text and Vector", ErrInvalid)
		}
	}
	if len(texts) > 0 {
		embedded, err := c.embed(ctx, queriesOf(c.embedder), texts)
		if err != nil {
			return nil, err
		}
		for i, place := range places {
			vectors[place] = embedded[i]
		}
	}
	return vectors, nil
}

// vectorOf is the vector of a document, and leaves the document out of the
// answer.
func (c *Collection) vectorOf(ctx context.Context, a *ask, id string) ([]float32, error) {
	passages, err := c.store.Passages(ctx, id)
	if err != nil {
		return nil, err
	}
	vectors := make([][]float32, len(passages))
	for i, p := range passages {
		a.exclude[p.Label] = true
		vectors[i] = p.Vector
	}
	if len(vectors) == 1 {
		return vectors[0], nil
	}
	mean := make([]float32, c.spec.dim)
	for i, x := range meanDirection(vectors, c.spec.dim) {
		mean[i] = float32(x)
	}
	return mean, nil
}

// meanDirection is the mean of vectors, each scaled to length 1.
func meanDirection(vectors [][]float32, dim int) []float64 {
	mean := make([]float64, dim)
	for _, v := range vectors {
		var squared float64
		for _, x := range v {
			squared += float64(x) * float64(x)
		}
		if squared == 0 {
			continue // it has no direction
		}
		scale := 1 / (math.Sqrt(squared) * float64(len(vectors)))
		for i, x := range v {
			mean[i] += scale * float64(x)
		}
	}
	return mean
}
