// Coder is the benchmark's worker for github.com/coder/hnsw.
//
// Its search stops at the first step that finds nothing nearer than the best so far, so EfSearch alone buys next to no
// recall. Here ef is also the number of neighbours asked for, of which the nearest K count: that buys some, and is the
// most that a caller can do.
package main

import (
	"cmp"
	"math/rand"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/coder/hnsw"

	"github.com/minnow-search/minnow/bench/hnsw/worker"
)

const module = "github.com/coder/hnsw"

type engine struct {
	g   *hnsw.Graph[int64]
	dim int
}

func main() {
	worker.Run(func(s worker.Settings) (worker.Engine, error) {
		g := hnsw.NewGraph[int64]()
		g.M = 16 // and Ml as it is: 1/16, which the others have, gives less recall
		g.Rng = rand.New(rand.NewSource(100))
		if s.Space == "l2" {
			g.Distance = hnsw.EuclideanDistance
		}
		return &engine{g, s.Dim}, nil
	})
}

func (e *engine) Version() string {
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Path == module {
			return module + " " + dep.Version
		}
	}
	return module
}

func (e *engine) Add(vecs []float32, first, threads int) error {
	if threads != 1 {
		return worker.ErrUnsupported
	}
	e.g.EfSearch = 200
	for i := range len(vecs) / e.dim {
		e.g.Add(hnsw.MakeNode(int64(first+i), slices.Clone(vecs[i*e.dim:(i+1)*e.dim])))
	}
	return nil
}

func (e *engine) Query(queries []float32, s worker.Search, labels []int64) error {
	if s.Recall != 0 {
		return worker.ErrUnsupported
	}
	e.g.EfSearch = s.Ef
	n := len(queries) / e.dim
	var wg sync.WaitGroup
	for t := range s.Threads {
		wg.Go(func() {
			for i := t * n / s.Threads; i < (t+1)*n/s.Threads; i++ {
				e.one(queries[i*e.dim:(i+1)*e.dim], s.Ef, labels[i*worker.K:(i+1)*worker.K])
			}
		})
	}
	wg.Wait()
	return nil
}

func (e *engine) one(query []float32, ef int, labels []int64) {
	type candidate struct {
		label    int64
		distance float32
	}
	found := make([]candidate, 0, ef)
	for _, node := range e.g.Search(query, max(ef, worker.K)) {
		found = append(found, candidate{node.Key, e.g.Distance(node.Value, query)})
	}
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	for j := range labels {
		labels[j] = -1
		if j < len(found) {
			labels[j] = found[j].label
		}
	}
}
