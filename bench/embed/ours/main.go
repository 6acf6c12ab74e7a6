// Ours is the benchmark's worker for package onnx.
package main

import (
	"context"
	"runtime"

	"github.com/minnow-search/minnow/bench/embed/protocol"
	"github.com/minnow-search/minnow/onnx"
)

type engine struct{ m *onnx.Model }

func main() {
	protocol.Run(func(model string) (protocol.Engine, error) {
		m, err := onnx.Open(model, nil)
		return engine{m}, err
	})
}

func (e engine) Version() string { return "minnow/onnx, " + runtime.Version() }

func (e engine) Embed(texts []string) ([][]float32, error) {
	return e.m.Embed(context.Background(), texts)
}
