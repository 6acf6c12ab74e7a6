package onnx

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"unsafe"

	"github.com/minnow-search/minnow/internal/encoder"
)

// own is a network in int8 on kernels of our own (package encoder), which take 0.75 to 0.85 of ONNX Runtime's time for
// a batch, and less than half for a query. The file is one that ONNX Runtime computes as well, and does where the kernels do not fit.
type own struct {
	encoder *encoder.Encoder
	network *network
	threads int
}

// run stops for ctx before it begins: a batch takes some milliseconds.
func (o *own) run(ctx context.Context, b *batch) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := o.encoder.Run(&b.own, b.texts, o.threads, o.network.pooled != nil); err != nil {
		return err
	}
	b.tokens, b.pooled = b.own.Tokens, b.own.Pooled
	b.starts = grow(b.starts, len(b.texts))
	for i := range b.starts {
		b.starts[i] = b.own.Start(i)
	}
	return nil
}

// close leaves the encoder to shared, as runners have it in common.
func (o *own) close() error { return nil }

// openEncoder reads the weights of a network that our exporter made for the kernels. It returns nil for another one.
func openEncoder(n *network) (*encoder.Encoder, error) {
	if n.encoder == "" || n.tokens == nil {
		return nil, nil
	}
	e, err := readEncoder(n)
	if err != nil {
		return nil, fmt.Errorf("the network %s cannot be loaded; if it is damaged, delete it and run set-up again: %w", n.path, err)
	}
	return e, nil
}

func readEncoder(n *network) (*encoder.Encoder, error) {
	var shape encoder.Shape // by the names that quantized_graph.py gives its numbers
	if err := json.Unmarshal([]byte(n.encoder), &shape); err != nil {
		return nil, err
	}
	if !shape.Fits() {
		return nil, nil
	}
	// Before memory is asked for by the shape's numbers, which may be anything in a damaged file.
	for name, numbers := range map[string]int{
		"embeddings.word_embeddings.weight":                     4 * shape.Vocabulary * shape.Hidden,
		"embeddings.position_embeddings.weight":                 4 * shape.Positions * shape.Hidden,
		layerName(shape.Layers-1) + "intermediate.dense.weight": shape.Hidden * shape.Inner,
	} {
		if n.weights[name].size != int64(numbers) {
			return nil, fmt.Errorf("%s has %d bytes, and the shape %+v wants %d", name, n.weights[name].size, shape, numbers)
		}
	}
	if shape.Reach != 0 && n.weights["by_distance"].size != int64(4*shape.Heads*(2*shape.Reach-1)) {
		return nil, fmt.Errorf("by_distance has %d bytes, and the shape %+v", n.weights["by_distance"].size, shape)
	}
	file, err := os.Open(n.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	e, err := encoder.New(shape)
	if err != nil {
		return nil, err
	}
	r := weightReader{file: file, weights: n.weights}
	r.tables(e, shape, n.pooled != nil)
	for layer := range shape.Layers {
		r.layer(e, layer)
	}
	if r.err != nil {
		e.Close()
		return nil, r.err
	}
	return e, nil
}

// weightReader reads the weights of a network by their names. After its first error it reads nothing.
type weightReader struct {
	file    *os.File
	weights map[string]weight
	err     error
}

func (r *weightReader) tables(e *encoder.Encoder, shape encoder.Shape, pooler bool) {
	fill(r, "embeddings.word_embeddings.weight", e.Table(encoder.Words))
	fill(r, "embeddings.position_embeddings.weight", e.Table(encoder.Positions))
	if r.has("embeddings.token_type_embeddings.weight") {
		segments := read[float32](r, "embeddings.token_type_embeddings.weight")
		copy(e.Table(encoder.Segment), segments)
	}
	norms := []string{"embeddings.LayerNorm"}
	for layer := range shape.Layers {
		at := layerName(layer)
		norms = append(norms, at+"attention.output.LayerNorm", at+"output.LayerNorm")
	}
	for i, name := range norms {
		row := func(t encoder.Table) []float32 { return e.Table(t)[i*shape.Hidden:][:shape.Hidden] }
		fill(r, name+".weight", row(encoder.NormWeight))
		fill(r, name+".bias", row(encoder.NormBias))
	}
	if shape.Reach > 0 { // [distances, heads]
		table := e.Table(encoder.Relative)
		distances := 2*shape.Reach - 1
		for i, v := range read[float32](r, "by_distance") {
			table[i%shape.Heads*distances+i/shape.Heads] = v
		}
	}
	if pooler {
		fill(r, "pooler.dense.weight", e.Table(encoder.PoolerWeight))
		fill(r, "pooler.dense.bias", e.Table(encoder.PoolerBias))
	}
}

func layerName(i int) string { return fmt.Sprintf("encoder.layer.%d.", i) }

func (r *weightReader) layer(e *encoder.Encoder, layer int) {
	for _, d := range []struct {
		part        encoder.Part
		name, input string // input is the name of the first layer that has it
	}{
		{encoder.Query, "attention.self.query", "attention.self.query"},
		{encoder.Key, "attention.self.key", "attention.self.query"},
		{encoder.Value, "attention.self.value", "attention.self.query"},
		{encoder.Out, "attention.output.dense", "attention.output.dense"},
		{encoder.Inner, "intermediate.dense", "intermediate.dense"},
		{encoder.Outer, "output.dense", "output.dense"},
	} {
		name, input := layerName(layer)+d.name, layerName(layer)+d.input+".input"
		dense := encoder.Dense{
			Codes:  read[int8](r, name+".weight"),
			Scales: read[float32](r, name+".scale"),
			Bias:   read[float32](r, name+".bias"),
			Step:   one[float32](r, input+".scale"),
			Zero:   one[uint8](r, input+".zero"),
		}
		if r.has(input + ".inverse_smooth") {
			dense.InverseSmooth = read[float32](r, input+".inverse_smooth")
		}
		if r.has(input + ".fine") {
			dense.Fine = one[float32](r, input+".fine")
		}
		if r.err != nil {
			return
		}
		if err := e.Set(layer, d.part, &dense); err != nil {
			r.err = fmt.Errorf("%s is %w", name, err)
			return
		}
	}
}

func (r *weightReader) has(name string) bool {
	_, ok := r.weights[name]
	return ok
}

type number interface{ float32 | int8 | uint8 }

// read reads all numbers of a weight.
func read[T number](r *weightReader, name string) []T {
	into := make([]T, r.weights[name].size/int64(unsafe.Sizeof(*new(T))))
	fill(r, name, into)
	return into
}

// one reads a weight of a single number.
func one[T number](r *weightReader, name string) T {
	var into [1]T
	fill(r, name, into[:])
	return into[0]
}

// fill reads a weight that has as many numbers as into.
func fill[T number](r *weightReader, name string, into []T) {
	w, ok := r.weights[name]
	kind, size := kindOf[T](), int64(unsafe.Sizeof(*new(T)))
	if r.err == nil && (!ok || w.kind != kind || w.size != int64(len(into))*size) {
		r.err = fmt.Errorf("%s has %d bytes of type %d, where %d of type %d belong", name, w.size, w.kind, int64(len(into))*size, kind)
	}
	if r.err != nil {
		return
	}
	// The file's order of bytes is that of every processor here.
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(into))), w.size)
	if _, err := io.ReadFull(io.NewSectionReader(r.file, w.at, w.size), bytes); err != nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
}

func kindOf[T number]() int {
	switch any(*new(T)).(type) {
	case int8:
		return int8Type
	case uint8:
		return uint8Type
	}
	return float32Type
}
