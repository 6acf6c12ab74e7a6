// Ours is the benchmark's worker for package hnswlib.
package main

import (
	"context"
	"fmt"

	"github.com/minnow-search/minnow/bench/hnsw/worker"
	"github.com/minnow-search/minnow/hnswlib"
)

type engine struct {
	ix     *hnswlib.Index
	coding hnswlib.Quantization
	filter *hnswlib.Filter
}

// variants are those of worker.Settings.
var variants = map[string]hnswlib.Quantization{
	"":     hnswlib.Quantization(0), // the default, whatever that is
	"int4": hnswlib.Int4,
	"f32":  hnswlib.None,
}

func main() {
	worker.Run(func(s worker.Settings) (worker.Engine, error) {
		space := hnswlib.InnerProduct
		if s.Space == "l2" {
			space = hnswlib.L2
		}
		coding, ok := variants[s.Variant]
		if !ok {
			return nil, fmt.Errorf("variant %q is none of int4, f32", s.Variant)
		}
		ix, err := hnswlib.New(space, s.Dim, &hnswlib.Config{
			M: 16, EfConstruction: 200, Quantization: coding, MaxElements: s.Capacity,
		})
		return &engine{ix: ix, coding: coding}, err
	})
}

func (e *engine) Version() string {
	kernel, err := hnswlib.Kernel()
	if err != nil {
		kernel = err.Error()
	}
	return fmt.Sprintf("minnow/hnswlib (%s, quantization %v)", kernel, e.coding)
}

func (e *engine) Add(vecs []float32, first, threads int) error {
	labels := make([]uint64, len(vecs)/e.ix.Dim())
	for i := range labels {
		labels[i] = uint64(first + i)
	}
	if err := e.ix.SetThreads(threads); err != nil {
		return err
	}
	return e.ix.Add(vecs, labels)
}

func (e *engine) Query(queries []float32, s worker.Search, labels []int64) error {
	opt := &hnswlib.Query{Ef: s.Ef, Recall: s.Recall, Filter: e.filter, Threads: s.Threads}
	rows, err := e.ix.KNNQuery(queries, worker.K, opt)
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

func (e *engine) Allow(labels []uint64) error {
	e.filter = nil
	if labels != nil {
		e.filter = hnswlib.Allow(labels)
	}
	return nil
}

func (e *engine) Calibrate(threads int) error {
	if err := e.ix.SetThreads(threads); err != nil {
		return err
	}
	_, err := e.ix.Calibrate(context.Background(), worker.K)
	return err
}

func (e *engine) Save(path string) error { return e.ix.Save(path) }

func (e *engine) Bytes() (int64, error) {
	s, err := e.ix.Stats()
	return s.Bytes, err
}
