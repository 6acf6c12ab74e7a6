// Chromem is the benchmark's worker for github.com/philippgille/chromem-go.
package main

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/philippgille/chromem-go"

	"github.com/minnow-search/minnow/bench/collection/protocol"
)

type engine struct{ c *chromem.Collection }

func main() { protocol.Run(&engine{}) }

func (e *engine) Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/philippgille/chromem-go" {
				return "chromem-go " + dep.Version + ", exact"
			}
		}
	}
	return "chromem-go"
}

func noEmbedding(context.Context, string) ([]float32, error) {
	return nil, errors.New("every document has its vector")
}

func (e *engine) Open(d *protocol.Data) error {
	db, err := chromem.NewPersistentDB(filepath.Join(d.Folder, "chromem"), false)
	if err == nil {
		e.c, err = db.GetOrCreateCollection("bench", nil, noEmbedding)
	}
	return err
}

func (e *engine) Load(d *protocol.Data) error {
	if err := e.Open(d); err != nil {
		return err
	}
	docs := make([]chromem.Document, len(d.Base))
	for i := range docs {
		half, percent, rare := protocol.Metadata(i)
		docs[i] = chromem.Document{ // metadata are strings there
			ID: strconv.Itoa(i), Content: d.Texts[i], Embedding: d.Base[i],
			Metadata: map[string]string{"half": strconv.FormatBool(half), "percent": strconv.Itoa(percent), "rare": strconv.Itoa(rare)},
		}
	}
	return e.c.AddDocuments(context.Background(), docs, runtime.NumCPU())
}

var filters = map[protocol.Filter]map[string]string{
	"half":    {"half": "true"},
	"percent": {"percent": strconv.Itoa(protocol.Percent)},
	"rare":    {"rare": strconv.Itoa(protocol.Rare)},
}

func (e *engine) Query(vec []float32, filter protocol.Filter, _ int) ([]int, error) {
	found, err := e.c.QueryEmbedding(context.Background(), vec, protocol.K, filters[filter], nil)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(found))
	for i, f := range found {
		if numbers[i], err = strconv.Atoi(f.ID); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}
