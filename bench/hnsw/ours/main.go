// Ours is the benchmark's worker for package hnswlib.
package main

import (
	"github.com/minnow-search/minnow/bench/hnsw/worker"
	"github.com/minnow-search/minnow/hnswlib"
)

type engine struct{ ix *hnswlib.Index }

func main() {
	worker.Run(func(s worker.Settings) (worker.Engine, error) {
		space := hnswlib.InnerProduct
		if s.Space == "l2" {
			space = hnswlib.L2
		}
		ix, err := hnswlib.New(space, s.Dim, &hnswlib.Config{M: 16, EfConstruction: 200, MaxElements: s.Capacity})
		return engine{ix}, err
	})
}

func (e engine) Version() string { return "minnow/hnswlib" }

func (e engine) Add(vecs []float32, first, threads int) error {
	labels := make([]uint64, len(vecs)/e.ix.Dim())
	for i := range labels {
		labels[i] = uint64(first + i)
	}
	if err := e.ix.SetThreads(threads); err != nil {
		return err
	}
	return e.ix.Add(vecs, labels)
}

func (e engine) Query(queries []float32, ef, threads int, labels []int64) error {
	rows, err := e.ix.KNNQuery(queries, worker.K, &hnswlib.Query{Ef: ef, Threads: threads})
	if err != nil {
		return err
	}
	for i, row := range rows {
		for j := range worker.K {
			labels[i*worker.K+j] = -1
			if j < len(row) {
				labels[i*worker.K+j] = int64(row[j].Label)
			}
		}
	}
	return nil
}
