package onnx

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// The names that Hugging Face gives the tensors of a BERT network, and our exporter too.
const (
	inputIDs        = "input_ids"
	attentionMask   = "attention_mask"
	tokenTypeIDs    = "token_type_ids"
	lastHiddenState = "last_hidden_state"
	poolerOutput    = "pooler_output"
)

// session is one network in ONNX Runtime. Goroutines may share it.
type session struct {
	ort       *ort.DynamicAdvancedSession
	hidden    int
	hasPooler bool
	weights   string // preset and sha256 of the weights, which our exporter notes in the graph; "" from another exporter
}

// openSession loads the graph at path, whose vectors must have hidden numbers.
func openSession(path string, hidden int) (*session, error) {
	inputs, outputs, err := ort.GetInputOutputInfo(path)
	if err != nil {
		return nil, fmt.Errorf("the network %s cannot be loaded; if it is damaged, delete it and run set-up again: %w", path, err)
	}
	for _, name := range []string{inputIDs, attentionMask, tokenTypeIDs} {
		if !hasTensor(inputs, name, ort.TensorElementDataTypeInt64, -1) {
			return nil, fmt.Errorf("the network %s has no input %s of int64; export it with scripts/export_onnx.py", path, name)
		}
	}
	if len(inputs) != 3 {
		return nil, fmt.Errorf("the network %s has %d inputs, not the 3 of a BERT network; export it with scripts/export_onnx.py", path, len(inputs))
	}
	if !hasTensor(outputs, lastHiddenState, ort.TensorElementDataTypeFloat, hidden) {
		return nil, fmt.Errorf("the network %s has no output %s of %d float32 a token, as config.json says; export it with scripts/export_onnx.py", path, lastHiddenState, hidden)
	}
	names := []string{lastHiddenState}
	hasPooler := hasTensor(outputs, poolerOutput, ort.TensorElementDataTypeFloat, hidden)
	if hasPooler {
		names = append(names, poolerOutput)
	}

	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if err := options.SetIntraOpNumThreads(1); err != nil {
		return nil, err
	}
	inner, err := ort.NewDynamicAdvancedSession(path, []string{inputIDs, attentionMask, tokenTypeIDs}, names, options)
	if err != nil {
		return nil, fmt.Errorf("load the network %s: %w", path, err)
	}
	s := &session{ort: inner, hidden: hidden, hasPooler: hasPooler}
	if s.weights, err = s.readWeights(); err != nil {
		return nil, errors.Join(fmt.Errorf("read the metadata of %s: %w", path, err), s.close())
	}
	return s, nil
}

func hasTensor(infos []ort.InputOutputInfo, name string, kind ort.TensorElementDataType, last int) bool {
	return slices.ContainsFunc(infos, func(info ort.InputOutputInfo) bool {
		dims := info.Dimensions
		return info.Name == name && info.DataType == kind && (last < 0 || len(dims) > 0 && dims[len(dims)-1] == int64(last))
	})
}

func (s *session) readWeights() (string, error) {
	metadata, err := s.ort.GetModelMetadata()
	if err != nil {
		return "", err
	}
	defer metadata.Destroy()
	preset, _, err := metadata.LookupCustomMetadataMap("minnow.preset")
	if err != nil {
		return "", err
	}
	hash, found, err := metadata.LookupCustomMetadataMap("minnow.weights_sha256")
	if err != nil || !found {
		return "", err
	}
	return preset + " " + hash, nil
}

func (s *session) close() error { return s.ort.Destroy() }

// batch is the input of one run: n texts padded to the longest of them, row-major, and room for what comes out.
type batch struct {
	n, length          int
	ids, mask, typeIDs []int64
	hidden             []float32 // n × length × hidden: one vector a token
	pooler             []float32 // n × hidden, or nil if the network has no pooler
}

func (s *session) newBatch(texts [][]uint32) *batch {
	b := &batch{n: len(texts)}
	for _, ids := range texts {
		b.length = max(b.length, len(ids))
	}
	size := b.n * b.length
	b.ids, b.mask, b.typeIDs = make([]int64, size), make([]int64, size), make([]int64, size)
	for i, ids := range texts {
		for j, id := range ids {
			b.ids[i*b.length+j], b.mask[i*b.length+j] = int64(id), 1
		}
	}
	b.hidden = make([]float32, size*s.hidden)
	if s.hasPooler {
		b.pooler = make([]float32, b.n*s.hidden)
	}
	return b
}

// run fills b.hidden and b.pooler. A ctx that ends stops the run between two operators.
func (s *session) run(ctx context.Context, b *batch) (err error) {
	// ONNX Runtime holds pointers into these slices from the making of a tensor to its end, beyond the C call.
	var pin runtime.Pinner
	defer pin.Unpin()
	var tensors tensors
	defer tensors.destroy()

	shape := ort.NewShape(int64(b.n), int64(b.length))
	for _, data := range [][]int64{b.ids, b.mask, b.typeIDs} {
		pin.Pin(&data[0])
		if err := add(&tensors, shape, data); err != nil {
			return err
		}
	}
	pin.Pin(&b.hidden[0])
	if err := add(&tensors, ort.NewShape(int64(b.n), int64(b.length), int64(s.hidden)), b.hidden); err != nil {
		return err
	}
	if s.hasPooler {
		pin.Pin(&b.pooler[0])
		if err := add(&tensors, ort.NewShape(int64(b.n), int64(s.hidden)), b.pooler); err != nil {
			return err
		}
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
	err = s.ort.RunWithOptions(tensors[:3], tensors[3:], options)
	if !stop() {
		<-ended // options must outlive the call in AfterFunc
		return context.Cause(ctx)
	}
	return err
}

type tensors []ort.Value

func add[T ort.TensorData](to *tensors, shape ort.Shape, data []T) error {
	tensor, err := ort.NewTensor(shape, data)
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
