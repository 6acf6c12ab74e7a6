// Package protocol is the Go side of the benchmark's protocol, as worker.py is the Python side: one engine in a process
// of its own answers requests, JSON lines on standard input, one after the other. It measures its own time, so that the
// pipe is in no figure.
package protocol

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/minnow-search/minnow/bench/hnsw/worker"
)

// K is the number of documents asked for.
const K = 10

// Data is what all engines get.
type Data struct {
	Folder        string // of the engine's files
	Texts         []string
	Base, Queries [][]float32
}

// Metadata is that of document i: fields that half, a hundredth and twelve of all documents have alike.
func Metadata(i int) (half bool, percent, rare int) { return i%2 == 0, i % 100, i / 12 }

// Filter names one of the conditions on metadata, "" for none: half is true, percent 7, rare 77.
type Filter string

// The values that the filters ask for.
const (
	Percent = 7
	Rare    = 77
)

// Engine is what is measured.
type Engine interface {
	Version() string
	// Load stores all documents with their vectors, durably.
	Load(d *Data) error
	// Open opens what Load stored in another process.
	Open(d *Data) error
	// Query returns the numbers of the K nearest documents.
	Query(vec []float32, filter Filter, ef int) ([]int, error)
}

// Extra answers requests that only one engine knows.
type Extra interface {
	Do(d *Data, op string, request json.RawMessage) (any, error)
}

type request struct {
	Op     string `json:"op"`
	Filter Filter `json:"filter"`
	Ef     int    `json:"ef"`
	First  int    `json:"first"`
	Count  int    `json:"count"`
}

// Run reads the command line (FOLDER TEXTS BASE.npy QUERIES.npy COUNT) and answers requests until standard input ends.
func Run(e Engine) {
	log.SetFlags(0)
	if len(os.Args) < 6 {
		log.Fatalf("usage: %s FOLDER TEXTS BASE.npy QUERIES.npy COUNT", os.Args[0])
	}
	if err := run(e); err != nil {
		log.Fatal(err)
	}
}

func run(e Engine) error {
	d, err := read(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		answer, err := answer(e, d, r, line)
		if err != nil {
			return fmt.Errorf("%s: %w", bytes.TrimSpace(line), err)
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

func answer(e Engine, d *Data, r request, line json.RawMessage) (any, error) {
	begin := time.Now()
	switch r.Op {
	case "version":
		return map[string]any{"version": e.Version()}, nil
	case "load":
		err := e.Load(d)
		return map[string]any{"seconds": time.Since(begin).Seconds()}, err
	case "open":
		err := e.Open(d)
		if err == nil {
			_, err = e.Query(d.Queries[0], "", 0)
		}
		return map[string]any{"seconds": time.Since(begin).Seconds()}, err
	case "query":
		seconds, found := make([]float64, r.Count), make([][]int, r.Count)
		for i := range r.Count {
			begin := time.Now()
			numbers, err := e.Query(d.Queries[r.First+i], r.Filter, r.Ef)
			if err != nil {
				return nil, err
			}
			seconds[i], found[i] = time.Since(begin).Seconds(), numbers
		}
		return map[string]any{"seconds": seconds, "found": found}, nil
	}
	if x, ok := e.(Extra); ok {
		return x.Do(d, r.Op, line)
	}
	return nil, fmt.Errorf("no such request")
}

func read(folder, texts, base, queries, count string) (*Data, error) {
	var n int
	if _, err := fmt.Sscan(count, &n); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(texts)
	if err != nil {
		return nil, err
	}
	d := &Data{Folder: folder}
	for line := range bytes.Lines(raw) {
		d.Texts = append(d.Texts, string(bytes.TrimSuffix(line, []byte{'\n'})))
	}
	if d.Base, err = rows(base); err != nil {
		return nil, err
	}
	if d.Queries, err = rows(queries); err != nil {
		return nil, err
	}
	for n > len(d.Texts) { // of synthetic vectors
		d.Texts = append(d.Texts, fmt.Sprint("document ", len(d.Texts)))
	}
	d.Texts, d.Base = d.Texts[:n], d.Base[:n]
	return d, nil
}

func rows(path string) ([][]float32, error) {
	flat, dim, err := worker.MapArray(path)
	if err != nil {
		return nil, err
	}
	rows := make([][]float32, len(flat)/dim)
	for i := range rows {
		rows[i] = flat[i*dim : (i+1)*dim : (i+1)*dim]
	}
	return rows, nil
}
