package minnow

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/minnow-search/minnow/store"
)

// AddVectors is [Collection.Add] with a vector of the caller's for each
// document, in place of the embedder's. Texts are kept and found by their
// words, and may be empty. Vectors must have Dim numbers, all finite, and under
// [Cosine] a direction; else it is [ErrInvalid]. They are only read.
//
// They should come from the model whose ID the collection has: vectors of
// different models don't compare.
func (c *Collection) AddVectors(ctx context.Context, docs []Document, vectors [][]float32) error {
	if err := c.enterToWrite(); err != nil {
		return wrap("add", err)
	}
	defer c.leave()
	l, err := c.loadOf(docs, vectors)
	if err != nil {
		return wrap("add", err)
	}
	_, err = c.add(ctx, l)
	return wrap("add", err)
}

// loadOf makes a load whose passages are known.
func (c *Collection) loadOf(docs []Document, vectors [][]float32) (*load, error) {
	if len(docs) != len(vectors) {
		return nil, fmt.Errorf("%w: %d documents and %d vectors", ErrInvalid, len(docs), len(vectors))
	}
	l := &load{passages: make(map[[32]byte][]store.Passage, len(docs))}
	var err error
	l.rows, err = encode(docs, func(i int) ([32]byte, error) {
		if problem := c.spec.unfit(vectors[i]); problem != "" {
			return [32]byte{}, fmt.Errorf("%w: document %q: %s", ErrInvalid, docs[i].ID, problem)
		}
		hash := hashVector(docs[i].Text, vectors[i])
		l.passages[hash] = store.Whole(docs[i].Text, vectors[i])
		return hash, nil
	})
	return l, err
}

// hashVector identifies a vector of the caller's, and the text that it is for.
func hashVector(text string, v []float32) [32]byte {
	recipe := []byte("vector ")
	for _, x := range v {
		recipe = binary.LittleEndian.AppendUint32(recipe, math.Float32bits(x))
	}
	return contentHash(text, recipe)
}
