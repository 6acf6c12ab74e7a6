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
	Dim      int
	Capacity int
}

// Engine is what is measured. Vectors are row-major.
type Engine interface {
	Version() string
	// Add appends vectors, whose labels go on from first.
	Add(vecs []float32, first, threads int) error
	// Query answers into labels, K a query, -1 for an answer that is missing.
	Query(queries []float32, ef, threads int, labels []int64) error
}

// ErrUnsupported is for what the engine has no way to do, such as adding with two threads.
var ErrUnsupported = errors.New("unsupported")

type request struct {
	Op      string `json:"op"` // version, add or query
	First   int    `json:"first"`
	Count   int    `json:"count"`
	Ef      int    `json:"ef"`
	Threads int    `json:"threads"`
	Single  bool   `json:"single"`  // one call a query instead of one call in all
	Answers string `json:"answers"` // file to write the labels to, as int64
}

type response struct {
	Seconds     float64 `json:"seconds"`
	Version     string  `json:"version,omitempty"`
	Unsupported bool    `json:"unsupported,omitempty"`
}

// Run reads the command line (SPACE BASE.npy QUERIES.npy) and answers requests until standard input ends.
func Run(open func(Settings) (Engine, error)) {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatalf("usage: %s SPACE BASE.npy QUERIES.npy", os.Args[0])
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
	e, err := open(Settings{Space: os.Args[1], Dim: dim, Capacity: len(base) / dim})
	if err != nil {
		return err
	}
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for in.More() {
		var r request
		if err := in.Decode(&r); err != nil {
			return err
		}
		rows := base
		if r.Op == "query" {
			rows = queries
		}
		answer, err := answer(e, r, rows[r.First*dim:(r.First+r.Count)*dim], dim)
		if errors.Is(err, ErrUnsupported) {
			answer.Unsupported = true
		} else if err != nil {
			return err
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

func answer(e Engine, r request, rows []float32, dim int) (response, error) {
	switch r.Op {
	case "version":
		return response{Version: e.Version() + ", " + runtime.Version()}, nil
	case "add":
		start := time.Now()
		err := e.Add(rows, r.First, r.Threads)
		return response{Seconds: time.Since(start).Seconds()}, err
	case "query":
		labels := make([]int64, r.Count*K)
		step := r.Count
		if r.Single {
			step = 1
		}
		start := time.Now()
		for i := 0; i < r.Count; i += step {
			if err := e.Query(rows[i*dim:(i+step)*dim], r.Ef, r.Threads, labels[i*K:(i+step)*K]); err != nil {
				return response{}, err
			}
		}
		seconds := time.Since(start).Seconds()
		if r.Answers == "" {
			return response{Seconds: seconds}, nil
		}
		raw, err := binary.Append(nil, binary.LittleEndian, labels)
		if err != nil {
			return response{}, err
		}
		return response{Seconds: seconds}, os.WriteFile(r.Answers, raw, 0o644)
	}
	return response{}, fmt.Errorf("unknown op %s", strconv.Quote(r.Op))
}
