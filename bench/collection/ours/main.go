// Ours is the benchmark's worker for package minnow.
package main

import (
	"context"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/bench/collection/protocol"
	"github.com/minnow-search/minnow/onnx"
	"github.com/minnow-search/minnow/where"
)

type engine struct {
	c       *minnow.Collection
	queries map[protocol.Filter]*minnow.Query
	model   *onnx.Model // of the requests that embed
}

func main() {
	protocol.Run(&engine{queries: map[protocol.Filter]*minnow.Query{
		"":        {K: protocol.K},
		"half":    {K: protocol.K, Where: where.Eq("half", true)},
		"percent": {K: protocol.K, Where: where.Eq("percent", protocol.Percent)},
		"rare":    {K: protocol.K, Where: where.Eq("rare", protocol.Rare)},
	}})
}

func (e *engine) Version() string { return "minnow, " + runtime.Version() }

// loaded is the folder of the collection that Load makes.
const loaded = "collection"

func own(d *protocol.Data) minnow.Embedder { return minnow.OwnVectors(len(d.Base[0]), "bench") }

func (e *engine) Open(d *protocol.Data) (err error) {
	e.c, err = minnow.Open(filepath.Join(d.Folder, loaded), own(d), nil)
	return err
}

func (e *engine) Load(d *protocol.Data) error {
	if err := e.Open(d); err != nil {
		return err
	}
	const batch = 1000
	for first := 0; first < len(d.Base); first += batch {
		docs := documents(d, first, min(batch, len(d.Base)-first))
		if err := e.c.AddVectors(context.Background(), docs, d.Base[first:first+len(docs)]); err != nil {
			return err
		}
	}
	return e.c.Save(context.Background())
}

func documents(d *protocol.Data, first, n int) []minnow.Document {
	docs := make([]minnow.Document, n)
	for j := range docs {
		i := first + j
		half, percent, rare := protocol.Metadata(i)
		docs[j] = minnow.Document{
			ID: strconv.Itoa(i), Text: d.Texts[i],
			Metadata: map[string]any{"half": half, "percent": percent, "rare": rare},
		}
	}
	return docs
}

func (e *engine) Query(vec []float32, filter protocol.Filter, ef int) ([]int, error) {
	q := *e.queries[filter]
	q.Ef = ef
	hits, err := e.c.KNNQueryVector(context.Background(), vec, &q)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(hits))
	for i, h := range hits {
		if numbers[i], err = strconv.Atoi(h.ID); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}
