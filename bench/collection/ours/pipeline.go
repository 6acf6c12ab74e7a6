package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/bench/collection/protocol"
	"github.com/minnow-search/minnow/onnx"
)

// asked is a request about a collection that embeds.
type asked struct {
	Model string   `json:"model"`
	Name  string   `json:"name"` // of the collection's folder
	First int      `json:"first"`
	Count int      `json:"count"`
	Words []string `json:"words"` // queries
	Mode  string   `json:"mode"`
}

// Do answers what only ours is asked.
func (e *engine) Do(d *protocol.Data, op string, request json.RawMessage) (any, error) {
	var a asked
	if err := json.Unmarshal(request, &a); err != nil {
		return nil, err
	}
	if e.model == nil {
		var err error
		if e.model, err = onnx.Open(a.Model, nil); err != nil {
			return nil, err
		}
	}
	switch op {
	case "embed":
		return e.embed(d, a)
	case "import":
		return e.importAll(d, a)
	case "import-until-killed":
		return nil, e.importUntilKilled(d, a)
	case "latency":
		return e.latency(d, a, nil)
	case "latency-importing":
		return e.latencyImporting(d, a)
	case "reopen":
		return e.reopen(d, a)
	}
	return nil, fmt.Errorf("no such request")
}

func (e *engine) open(d *protocol.Data, a asked) (*minnow.Collection, error) {
	return minnow.Open(filepath.Join(d.Folder, a.Name), e.model, nil)
}

// embed times the embedder alone, in batches as an import has them.
func (e *engine) embed(d *protocol.Data, a asked) (any, error) {
	const batch = 1024
	begin := time.Now()
	for texts := range slices.Chunk(d.Texts[a.First:a.First+a.Count], batch) {
		if _, err := e.model.EmbedDocuments(context.Background(), texts); err != nil {
			return nil, err
		}
	}
	return map[string]any{"seconds": time.Since(begin).Seconds()}, nil
}

// importAll times an import into a new collection, up to the last document's being durable and found.
func (e *engine) importAll(d *protocol.Data, a asked) (any, error) {
	c, err := e.open(d, a)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	stats, err := c.AddSeq(context.Background(), slices.Values(documents(d, a.First, a.Count)))
	seconds := time.Since(begin).Seconds()
	if err == nil && stats.Embedded != a.Count {
		err = fmt.Errorf("%+v, want %d", stats, a.Count)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"seconds": seconds}, c.Close()
}

// importUntilKilled saves the graph at the half, and goes on until the parent has seen enough.
func (e *engine) importUntilKilled(d *protocol.Data, a asked) error {
	c, err := e.open(d, a)
	if err != nil {
		return err
	}
	docs := documents(d, a.First, a.Count)
	half := len(docs) / 2
	if _, err := c.AddSeq(context.Background(), slices.Values(docs[:half])); err != nil {
		return err
	}
	if err := c.Save(context.Background()); err != nil {
		return err
	}
	if _, err := c.AddSeq(context.Background(), slices.Values(docs[half:])); err != nil {
		return err
	}
	fmt.Println(`{}`) // now it may be killed
	time.Sleep(time.Hour)
	return nil
}

// latency times queries one after the other, with a pause of a millisecond, while there is time.
func (e *engine) latency(d *protocol.Data, a asked, ended *atomic.Bool) (any, error) {
	c, err := e.open(d, a)
	if err != nil {
		return nil, err
	}
	seconds, err := timeQueries(c, a, ended)
	if err != nil {
		return nil, err
	}
	return map[string]any{"seconds": seconds}, c.Close()
}

func timeQueries(c *minnow.Collection, a asked, ended *atomic.Bool) ([]float64, error) {
	var seconds []float64
	vectors := map[string][]float32{}
	if a.Mode == "own vector" {
		got, err := c.Embed(context.Background(), a.Words)
		if err != nil {
			return nil, err
		}
		for i, w := range a.Words {
			vectors[w] = got[i]
		}
	}
	for i := 0; ended == nil && i < len(a.Words) || ended != nil && !ended.Load(); i++ {
		word := a.Words[i%len(a.Words)]
		begin := time.Now()
		var hits []minnow.Hit
		var err error
		if v := vectors[word]; v != nil {
			hits, err = c.KNNQueryVector(context.Background(), v, nil)
		} else {
			hits, err = c.KNNQuery(context.Background(), word, &minnow.Query{Mode: minnow.Mode(a.Mode)})
		}
		if err != nil || len(hits) == 0 && a.Mode != "text" {
			return nil, fmt.Errorf("%q: %d hits, %w", word, len(hits), err)
		}
		seconds = append(seconds, time.Since(begin).Seconds())
		time.Sleep(time.Millisecond)
	}
	return seconds, nil
}

// latencyImporting times queries while as many documents are imported again under other IDs.
func (e *engine) latencyImporting(d *protocol.Data, a asked) (any, error) {
	c, err := e.open(d, a)
	if err != nil {
		return nil, err
	}
	docs := documents(d, a.First, a.Count)
	for i := range docs {
		docs[i].ID = fmt.Sprintf("again %s %s", a.Mode, docs[i].ID)
		docs[i].Text += " again"
	}
	var ended atomic.Bool
	failed := make(chan error)
	go func() {
		_, err := c.AddSeq(context.Background(), slices.Values(docs))
		ended.Store(true)
		failed <- err
	}()
	seconds, err := timeQueries(c, a, &ended)
	if importErr := <-failed; err == nil {
		err = importErr
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"seconds": seconds}, c.Close()
}

// reopen times Open, and two ways of reading the graph's file beside it. Without a name it is the collection that Load made.
func (e *engine) reopen(d *protocol.Data, a asked) (any, error) {
	folder, embedder := a.Name, minnow.Embedder(e.model)
	if a.Name == "" {
		folder, embedder = loaded, own(d)
	}
	begin := time.Now()
	c, err := minnow.Open(filepath.Join(d.Folder, folder), embedder, nil)
	seconds := time.Since(begin).Seconds()
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"seconds": seconds, "documents": c.Len()}
	if err := c.Close(); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(d.Folder, folder, "index-*.hnsw"))
	if err != nil || len(names) != 1 {
		return nil, fmt.Errorf("graphs %q, %w", names, err)
	}
	// Into memory of its own, as an index needs it, and through a buffer that the processor's cache holds.
	begin = time.Now()
	data, err := os.ReadFile(names[0])
	if err != nil {
		return nil, err
	}
	answer["read"], answer["bytes"] = time.Since(begin).Seconds(), len(data)
	f, err := os.Open(names[0])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	begin = time.Now()
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	answer["skim"] = time.Since(begin).Seconds()
	return answer, err
}
