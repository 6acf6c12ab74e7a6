// Package protocol is the Go side of the benchmark's protocol, as worker.py is the Python side: one engine in a process
// of its own answers requests, JSON lines on standard input, one after the other. It measures its own time, so that the
// pipe is in no figure.
package protocol

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"
)

// Engine is what is measured.
type Engine interface {
	Version() string
	Embed(texts []string) ([][]float32, error)
}

type request struct {
	Op    string `json:"op"` // version, embed, latency or vectors
	Set   string `json:"set"`
	First int    `json:"first"`
	Count int    `json:"count"`
	Path  string `json:"path"` // of vectors: the file to write float32 rows to
}

type response struct {
	Version string    `json:"version,omitempty"`
	Seconds []float64 `json:"seconds,omitempty"` // one, or of latency one a text
}

// Run reads the command line (TEXTS.json MODEL_FOLDER) and answers requests until standard input ends.
func Run(open func(model string) (Engine, error)) {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatalf("usage: %s TEXTS.json MODEL_FOLDER", os.Args[0])
	}
	if err := run(open); err != nil {
		log.Fatal(err)
	}
}

func run(open func(model string) (Engine, error)) error {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var texts map[string][]string
	if err := json.Unmarshal(data, &texts); err != nil {
		return err
	}
	e, err := open(os.Args[2])
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		var answer response
		if r.Op == "version" {
			answer.Version = e.Version()
		} else if answer.Seconds, err = measure(e, r, texts[r.Set][r.First:r.First+r.Count]); err != nil {
			return fmt.Errorf("%+v: %w", r, err)
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func measure(e Engine, r request, texts []string) ([]float64, error) {
	if r.Op == "latency" {
		var seconds []float64
		for i := range texts {
			begin := time.Now()
			if _, err := e.Embed(texts[i : i+1]); err != nil {
				return nil, err
			}
			seconds = append(seconds, time.Since(begin).Seconds())
		}
		return seconds, nil
	}
	begin := time.Now()
	vectors, err := e.Embed(texts)
	if err != nil {
		return nil, err
	}
	seconds := []float64{time.Since(begin).Seconds()}
	if r.Op != "vectors" {
		return seconds, nil
	}
	f, err := os.Create(r.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, v := range vectors {
		if err := binary.Write(f, binary.LittleEndian, v); err != nil {
			return nil, err
		}
	}
	return seconds, f.Close()
}
