package onnx

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/minnow-search/minnow/internal/encoder"
)

// network is a graph on disk, as far as this package must know it to run it.
type network struct {
	path    string
	inputs  []tensorInfo // a role each
	roles   []role
	tokens  *tensorInfo // output of a vector a token, or nil
	pooled  *tensorInfo // output of a vector a text, or nil: a pooler's, or the finished embedding if tokens is nil
	source  string      // sha256 of the model's weights, which our exporter notes in the graph; "" from another exporter
	variant string      // preset and recipe of a network that is not exact
	encoder string      // what our own kernels must know to run it (see own.go); "" if they cannot
	weights map[string]weight
}

// role is what an input of a network is for.
type role int

const (
	tokenIDs role = iota
	mask
	segments // which of two texts a token is of: always the first
)

// roles by the names that Hugging Face gives a network's inputs, and our exporter too.
var roles = map[string]role{"input_ids": tokenIDs, "attention_mask": mask, "token_type_ids": segments}

// readNetwork reads the graph at path, whose tokens' vectors must have hidden numbers. Outputs are known by their names
// (Transformers', sentence-transformers') or else by their shape, as exporters differ.
func readNetwork(path string, hidden int) (*network, error) {
	info, err := readGraph(path)
	if err != nil {
		return nil, fmt.Errorf("the network %s cannot be loaded; if it is damaged, delete it and run set-up again: %w", path, err)
	}
	n := &network{path: path, inputs: info.inputs, weights: info.weights}
	n.source, n.encoder = info.metadata["minnow.weights_sha256"], info.metadata["minnow.encoder"]
	if p := Preset(info.metadata["minnow.preset"]); p != "" && p != Exact {
		n.variant = fmt.Sprintf("%s %s", p, info.metadata["minnow.recipe"])
	}
	for _, in := range info.inputs {
		r, ok := roles[in.name]
		if !ok || in.kind != int64Type && in.kind != int32Type {
			return nil, fmt.Errorf("the network %s wants the input %s of type %d, which this package cannot give; export it with scripts/export_onnx.py", path, in.name, in.kind)
		}
		n.roles = append(n.roles, r)
	}
	for _, name := range []string{"input_ids", "attention_mask"} {
		if !slices.Contains(n.roles, roles[name]) {
			return nil, fmt.Errorf("the network %s has no input %s; export it with scripts/export_onnx.py", path, name)
		}
	}
	n.tokens = output(info.outputs, 3, "last_hidden_state", "token_embeddings")
	n.pooled = output(info.outputs, 2, "pooler_output", "sentence_embedding")
	for _, out := range []*tensorInfo{n.tokens, n.pooled} {
		if out == nil {
			continue
		}
		last := &out.dims[len(out.dims)-1]
		if out.kind != float32Type {
			return nil, fmt.Errorf("the network %s gives %s in type %d, not in float32; export it with scripts/export_onnx.py", path, out.name, out.kind)
		}
		if *last < 0 {
			*last = int64(hidden)
		}
	}
	if n.tokens == nil && n.pooled == nil {
		return nil, fmt.Errorf("the network %s has neither an output of a vector a token nor one of a vector a text; export it with scripts/export_onnx.py", path)
	}
	if n.tokens != nil && n.tokens.width() != hidden {
		return nil, fmt.Errorf("the network %s gives %d numbers a token, not the %d float32 a token, as config.json says; export it with scripts/export_onnx.py", path, n.tokens.width(), hidden)
	}
	return n, nil
}

// output finds the output of that rank, by a name or as the only one.
func output(outputs []tensorInfo, rank int, names ...string) *tensorInfo {
	var found []*tensorInfo
	for i, out := range outputs {
		if len(out.dims) != rank {
			continue
		}
		if slices.Contains(names, out.name) {
			return &outputs[i]
		}
		found = append(found, &outputs[i])
	}
	if len(found) > 0 {
		return found[0] // Transformers gives the last layer's vectors first
	}
	return nil
}

// width is how many numbers a vector of t has.
func (t *tensorInfo) width() int { return int(t.dims[len(t.dims)-1]) }

// outputs are the outputs that are asked for.
func (n *network) outputs() []*tensorInfo {
	return slices.DeleteFunc([]*tensorInfo{n.tokens, n.pooled}, func(t *tensorInfo) bool { return t == nil })
}

// runner is what computes a network: a session of ONNX Runtime's, or kernels of our own. Goroutines may share it.
type runner interface {
	// run computes b.texts. A ctx that has ended stops it, as soon as may be.
	run(ctx context.Context, b *batch) error
	close() error
}

// batch is the memory of one run: texts, and room for what comes out. It is used again and again; see shared.batches.
type batch struct {
	texts  [][]uint32
	tokens []float32 // a vector a token: those of text i from vector starts[i] on
	starts []int
	pooled []float32 // a vector a text

	padded padded        // a session's
	own    encoder.Batch // our own kernels'
	x, y   []float32     // of one text on its way through Dense steps
}

// text is what came out for text i: a vector for each of its tokens, and that of the pooler, where the network has them.
func (n *network) text(b *batch, i int) (tokens, pooled []float32) {
	if t := n.tokens; t != nil {
		tokens = b.tokens[b.starts[i]*t.width():][:len(b.texts[i])*t.width()]
	}
	if p := n.pooled; p != nil {
		pooled = b.pooled[i*p.width():][:p.width()]
	}
	return tokens, pooled
}

// session is one network in ONNX Runtime.
type session struct {
	ort *ort.DynamicAdvancedSession
	net *network
	pad int64
}

// openSession loads a network to run on so many threads.
func openSession(n *network, pad int64, threads int, p Provider) (*session, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := options.SetIntraOpNumThreads(threads); err != nil {
		return nil, err
	}
	if err := p.add(options); err != nil {
		return nil, err
	}
	var inputs, outputs []string
	for _, in := range n.inputs {
		inputs = append(inputs, in.name)
	}
	for _, out := range n.outputs() {
		outputs = append(outputs, out.name)
	}
	inner, err := ort.NewDynamicAdvancedSession(n.path, inputs, outputs, options)
	if err != nil {
		return nil, fmt.Errorf("the network %s cannot be loaded; if it is damaged, delete it and run set-up again: %w", n.path, err)
	}
	return &session{ort: inner, net: n, pad: pad}, nil
}

func (s *session) close() error { return s.ort.Destroy() }

// padded are the inputs of a session: texts in rows of the longest one's length.
type padded struct {
	length int
	in64   [3][]int64 // by role, for inputs of that type
	in32   [3][]int32
}

// fill lays b's texts out for s, and makes room for what comes out.
func (s *session) fill(b *batch) {
	p := &b.padded
	p.length = 0
	for _, ids := range b.texts {
		p.length = max(p.length, len(ids))
	}
	for i, in := range s.net.inputs {
		r := s.net.roles[i]
		if in.kind == int64Type {
			p.in64[r] = lay(p.in64[r], r, b.texts, p.length, s.pad)
		} else {
			p.in32[r] = lay(p.in32[r], r, b.texts, p.length, int32(s.pad))
		}
	}
	b.starts = grow(b.starts, len(b.texts))
	for i := range b.starts {
		b.starts[i] = i * p.length
	}
	if t := s.net.tokens; t != nil {
		b.tokens = grow(b.tokens, len(b.texts)*p.length*t.width())
	}
	if p := s.net.pooled; p != nil {
		b.pooled = grow(b.pooled, len(b.texts)*p.width())
	}
}

// lay writes one input of texts, each in a row of length numbers.
func lay[T int32 | int64](to []T, r role, texts [][]uint32, length int, pad T) []T {
	to = grow(to, len(texts)*length)
	clear(to)
	if r == segments {
		return to
	}
	for i, ids := range texts {
		row := to[i*length:][:length]
		for j, id := range ids {
			row[j] = 1
			if r == tokenIDs {
				row[j] = T(id)
			}
		}
		if r == tokenIDs {
			for j := len(ids); j < length; j++ {
				row[j] = pad
			}
		}
	}
	return to
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// run stops between two operators when ctx ends.
func (s *session) run(ctx context.Context, b *batch) error {
	s.fill(b)
	return s.compute(ctx, b)
}

func (s *session) compute(ctx context.Context, b *batch) (err error) {
	// ONNX Runtime holds pointers into these slices from the making of a tensor to its end, beyond the C call.
	var pin runtime.Pinner
	defer pin.Unpin()
	var in, out tensors
	defer in.destroy()
	defer out.destroy()
	rows, columns := int64(len(b.texts)), int64(b.padded.length)
	for i, input := range s.net.inputs {
		r := s.net.roles[i]
		if input.kind == int64Type {
			err = add(&in, &pin, b.padded.in64[r], rows, columns)
		} else {
			err = add(&in, &pin, b.padded.in32[r], rows, columns)
		}
		if err != nil {
			return err
		}
	}
	if t := s.net.tokens; t != nil {
		err = add(&out, &pin, b.tokens, rows, columns, int64(t.width()))
	}
	if p := s.net.pooled; p != nil {
		err = errors.Join(err, add(&out, &pin, b.pooled, rows, int64(p.width())))
	}
	if err != nil {
		return err
	}

	options, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		options.Terminate() // fails only where the runtime is older than the flag; the run then ends by itself
		close(ended)
	})
	err = s.ort.RunWithOptions(in, out, options)
	if !stop() {
		<-ended // options must outlive the call in AfterFunc
		return context.Cause(ctx)
	}
	return err
}

type tensors []ort.Value

func add[T ort.TensorData](to *tensors, pin *runtime.Pinner, data []T, shape ...int64) error {
	pin.Pin(&data[0])
	tensor, err := ort.NewTensor(ort.NewShape(shape...), data)
	if err != nil {
		return err
	}
	*to = append(*to, tensor)
	return nil
}

func (t tensors) destroy() {
	for _, tensor := range t {
		tensor.Destroy() // gives its reference back and cannot fail
	}
}
