// Package worker is the Go side of the benchmark's protocol, as worker.py is the Python side: one engine in a process
// of its own answers requests, JSON lines on standard input, one after the other. It measures its own time, so that
// the pipe is in no figure.
package worker

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"time"
)

// K is the number of neighbours asked for.
const K = 10

// Settings are the command line of a worker.
type Settings struct {
	Space    string // l2 or ip; all vectors have length 1
	Variant  string // of the engine, empty for the one that users get
	Dim      int
	Capacity int
}

// Search is how to look. One of Ef and Recall, the share of the true K nearest to aim at, is not zero.
type Search struct {
	Ef      int     `json:"ef"`
	Recall  float64 `json:"recall"`
	Threads int     `json:"threads"`
}

// Engine is what is measured. Vectors are row-major.
type Engine interface {
	Version() string
	// Add appends vectors, whose labels go on from first.
	Add(vecs []float32, first, threads int) error
	// Query answers into labels, K a query, -1 for an answer that is missing.
	Query(queries []float32, s Search, labels []int64) error
}

// Extras are what an engine can do besides, if it can.
type Extras interface {
	// Allow restricts later queries to labels; nil lets all in again.
	Allow(labels []uint64) error
	// Calibrate prepares for queries that ask for a recall.
	Calibrate(threads int) error
	// Save writes a file that hnswlib loads.
	Save(path string) error
	// Bytes are the memory that the engine says it has.
	Bytes() (int64, error)
}

// ErrUnsupported is for what the engine has no way to do, such as adding with two threads.
var ErrUnsupported = errors.New("unsupported")

type request struct {
	Op string `json:"op"` // version, add, query, queries, allow, calibrate, save or bytes
	Search
	First   int    `json:"first"`
	Count   int    `json:"count"`
	Single  bool   `json:"single"`  // one call a query instead of one call in all
	Answers string `json:"answers"` // file to write the labels to, as int64
	Path    string `json:"path"`    // of other queries, of the labels that are allowed (uint64), or to save to
}

type response struct {
	Seconds     float64 `json:"seconds"`
	Version     string  `json:"version,omitempty"`
	Bytes       int64   `json:"bytes,omitempty"`
	Unsupported bool    `json:"unsupported,omitempty"`
}

// Run reads the command line (SPACE BASE.npy QUERIES.npy VARIANT) and answers requests until standard input ends.
func Run(open func(Settings) (Engine, error)) {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatalf("usage: %s SPACE BASE.npy QUERIES.npy VARIANT", os.Args[0])
	}
	if err := run(open); err != nil {
		log.Fatal(err)
	}
}

func run(open func(Settings) (Engine, error)) error {
	base, dim, err := MapArray(os.Args[2])
	if err != nil {
		return err
	}
	queries, _, err := MapArray(os.Args[3])
	if err != nil {
		return err
	}
	e, err := open(Settings{Space: os.Args[1], Variant: os.Args[4], Dim: dim, Capacity: len(base) / dim})
	if err != nil {
		return err
	}
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for in.More() {
		var r request
		if err := in.Decode(&r); err != nil {
			return err
		}
		var a response
		switch r.Op {
		case "add":
			a, err = add(e, r, base[r.First*dim:(r.First+r.Count)*dim])
		case "query":
			a, err = query(e, r, queries[r.First*dim:(r.First+r.Count)*dim], dim)
		case "queries":
			queries, _, err = MapArray(r.Path)
		default:
			a, err = other(e, r)
		}
		if errors.Is(err, ErrUnsupported) {
			a.Unsupported = true
		} else if err != nil {
			return err
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

func add(e Engine, r request, rows []float32) (response, error) {
	start := time.Now()
	err := e.Add(rows, r.First, r.Threads)
	return since(start), err
}

func query(e Engine, r request, rows []float32, dim int) (response, error) {
	labels := make([]int64, r.Count*K)
	step := r.Count
	if r.Single {
		step = 1
	}
	start := time.Now()
	for i := 0; i < r.Count; i += step {
		if err := e.Query(rows[i*dim:(i+step)*dim], r.Search, labels[i*K:(i+step)*K]); err != nil {
			return response{}, err
		}
	}
	a := since(start)
	if r.Answers == "" {
		return a, nil
	}
	raw, err := binary.Append(nil, binary.LittleEndian, labels)
	if err != nil {
		return response{}, err
	}
	return a, os.WriteFile(r.Answers, raw, 0o644)
}

func other(e Engine, r request) (response, error) {
	if r.Op == "version" {
		return response{Version: e.Version() + ", " + runtime.Version()}, nil
	}
	x, ok := e.(Extras)
	if !ok {
		return response{}, ErrUnsupported
	}
	switch r.Op {
	case "allow":
		labels, err := readLabels(r.Path)
		if err != nil {
			return response{}, err
		}
		return response{}, x.Allow(labels)
	case "calibrate":
		start := time.Now()
		err := x.Calibrate(r.Threads)
		return since(start), err
	case "save":
		return response{}, x.Save(r.Path)
	case "bytes":
		n, err := x.Bytes()
		return response{Bytes: n}, err
	}
	return response{}, fmt.Errorf("unknown op %s", strconv.Quote(r.Op))
}

func since(start time.Time) response { return response{Seconds: time.Since(start).Seconds()} }

// readLabels returns nil where no file is named.
func readLabels(path string) ([]uint64, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	labels := make([]uint64, len(raw)/8)
	_, err = binary.Decode(raw, binary.LittleEndian, labels)
	return labels, err
}
