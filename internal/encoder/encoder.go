// Package encoder computes a BERT-like network whose dense layers are int8, from token ids to a vector a token, with kernels of
// our own: what ONNX Runtime does in a hundred operators, each from memory to memory, is seven passes a layer here, and no
// row of padding. It knows nothing of files and texts; package onnx reads one and the other. docs/int8.md says
// what int8 stands for, encoder.h has the contract.
package encoder

/*
#cgo CXXFLAGS: -std=c++17 -O3 -Wall -Wextra
#cgo noescape encoder_run
#cgo nocallback encoder_run
#include "encoder.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Shape is encoder_shape.
type Shape struct {
	Layers, Hidden, Heads, Inner int
	Vocabulary, Positions        int
	Reach                        int
	Padding                      int // -1: positions count from 0
	Epsilon                      float32
}

// Fits reports whether the kernels can compute a network of this shape.
func (s *Shape) Fits() bool {
	return s.Layers > 0 && s.Heads > 0 && s.Hidden > 0 && s.Inner > 0 && s.Hidden%(16*s.Heads) == 0 && s.Inner%16 == 0
}

// Part names a dense layer of an encoder layer.
type Part = C.int

// The parts, in the order of the data. The first three have one input.
const (
	Query Part = C.ENCODER_QUERY
	Key   Part = C.ENCODER_KEY
	Value Part = C.ENCODER_VALUE
	Out   Part = C.ENCODER_OUT
	Inner Part = C.ENCODER_INNER
	Outer Part = C.ENCODER_OUTER
)

// Table names what is float32.
type Table = C.int

// The tables; their sizes are in encoder.h.
const (
	Words        Table = C.ENCODER_WORDS
	Positions    Table = C.ENCODER_POSITIONS
	Segment      Table = C.ENCODER_SEGMENT
	NormWeight   Table = C.ENCODER_NORM_WEIGHT
	NormBias     Table = C.ENCODER_NORM_BIAS
	Relative     Table = C.ENCODER_RELATIVE
	PoolerWeight Table = C.ENCODER_POOLER_WEIGHT
	PoolerBias   Table = C.ENCODER_POOLER_BIAS
)

// Dense is encoder_dense: Codes are [inputs, outputs], InverseSmooth may be nil.
type Dense struct {
	Codes         []int8
	Scales, Bias  []float32
	InverseSmooth []float32
	Step, Fine    float32
	Zero          uint8
}

// Encoder is a network in memory. Goroutines may share it once it is filled. Close frees it, and must come last.
type Encoder struct {
	c     *C.encoder
	shape Shape
}

// New makes room for a network, whose tables and dense layers are to be filled before it runs.
func New(s Shape) (*Encoder, error) {
	if !s.Fits() || s.Vocabulary < 1 || s.Positions < 1 {
		return nil, fmt.Errorf("the kernels cannot compute a network of the shape %+v", s)
	}
	c := C.encoder_new(&C.encoder_shape{
		layers: C.size_t(s.Layers), hidden: C.size_t(s.Hidden), heads: C.size_t(s.Heads), inner: C.size_t(s.Inner),
		vocabulary: C.size_t(s.Vocabulary), positions: C.size_t(s.Positions), reach: C.size_t(s.Reach),
		padding: C.int64_t(s.Padding), epsilon: C.float(s.Epsilon),
	})
	if c == nil {
		return nil, errors.New("out of memory")
	}
	return &Encoder{c, s}, nil
}

// Close gives the memory back.
func (e *Encoder) Close() { C.encoder_free(e.c) }

// Table is the memory of a table, which is e's.
func (e *Encoder) Table(t Table) []float32 {
	var n C.size_t
	p := C.encoder_table(e.c, C.int32_t(t), &n)
	return unsafe.Slice((*float32)(unsafe.Pointer(p)), int(n))
}

// Set copies one dense layer into e.
func (e *Encoder) Set(layer int, part Part, d *Dense) error {
	inputs, outputs := e.shape.Hidden, e.shape.Hidden
	switch part {
	case Inner:
		outputs = e.shape.Inner
	case Outer:
		inputs = e.shape.Inner
	}
	if len(d.Codes) != inputs*outputs || len(d.Scales) != outputs || len(d.Bias) != outputs || d.InverseSmooth != nil && len(d.InverseSmooth) != inputs {
		return fmt.Errorf("a dense layer of %d codes, %d scales, %d numbers to add and %d to divide by, where there are %d inputs and %d outputs",
			len(d.Codes), len(d.Scales), len(d.Bias), len(d.InverseSmooth), inputs, outputs)
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&d.Codes[0])
	pin.Pin(&d.Scales[0])
	pin.Pin(&d.Bias[0])
	if d.InverseSmooth != nil {
		pin.Pin(&d.InverseSmooth[0])
	}
	C.encoder_set(e.c, C.size_t(layer), C.int32_t(part), &C.encoder_dense{
		codes: (*C.int8_t)(&d.Codes[0]), scales: (*C.float)(&d.Scales[0]), bias: (*C.float)(&d.Bias[0]),
		inverse_smooth: (*C.float)(unsafe.SliceData(d.InverseSmooth)), step: C.float(d.Step), zero: C.uint8_t(d.Zero), fine: C.float(d.Fine),
	})
	return nil
}

// Batch is the memory of one run, to be used again and again. Nil slices are a good start.
type Batch struct {
	ids, starts []uint32
	scratch     []uint64
	longest     int

	Tokens []float32 // [tokens of all texts, hidden], one text after the other
	Pooled []float32 // [texts, hidden], if the network has a pooler
}

// Start is the place of text i's first token in Tokens.
func (b *Batch) Start(i int) int { return int(b.starts[i]) }

// Run computes texts, of ids below Vocabulary, into b, on so many threads: more than one pays for a batch that is alone.
func (e *Encoder) Run(b *Batch, texts [][]uint32, threads int, pooler bool) error {
	if err := e.fill(b, texts); err != nil {
		return err
	}
	n := int(b.starts[len(texts)])
	b.Tokens = grow(b.Tokens, n*e.shape.Hidden)
	var pooled *C.float
	if pooler {
		b.Pooled = grow(b.Pooled, len(texts)*e.shape.Hidden)
		pooled = (*C.float)(&b.Pooled[0])
	}
	bytes := C.encoder_scratch(e.c, C.size_t(n), C.size_t(b.longest), C.size_t(threads))
	b.scratch = grow(b.scratch, int(bytes)/8+1)
	clear(b.scratch[:2])
	part := func(thread int) {
		C.encoder_run(e.c, (*C.uint32_t)(&b.ids[0]), (*C.uint32_t)(&b.starts[0]), C.size_t(len(texts)),
			unsafe.Pointer(&b.scratch[0]), C.size_t(thread), C.size_t(threads), (*C.float)(&b.Tokens[0]), pooled)
	}
	var crew sync.WaitGroup
	for thread := 1; thread < threads; thread++ {
		crew.Go(func() { part(thread) })
	}
	part(0)
	crew.Wait()
	return nil
}

// fill lays texts one after the other, and checks them.
func (e *Encoder) fill(b *Batch, texts [][]uint32) error {
	most := e.shape.Positions
	if e.shape.Padding >= 0 {
		most -= e.shape.Padding + 1
	}
	b.ids, b.starts, b.longest = b.ids[:0], append(b.starts[:0], 0), 0
	for i, ids := range texts {
		if len(ids) < 1 || len(ids) > most {
			return fmt.Errorf("text %d has %d tokens, and the network takes 1 to %d", i, len(ids), most)
		}
		for _, id := range ids {
			if int(id) >= e.shape.Vocabulary {
				return fmt.Errorf("text %d has the token %d, and the network knows %d", i, id, e.shape.Vocabulary)
			}
		}
		b.ids = append(b.ids, ids...)
		b.starts = append(b.starts, uint32(len(b.ids)))
		b.longest = max(b.longest, len(ids))
	}
	if len(texts) == 0 {
		return errors.New("no texts")
	}
	return nil
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Sets are the names of this architecture's instruction sets that this processor has, best first.
func Sets() []string {
	var names []string
	for i := range C.encoder_set_count() {
		if C.encoder_set_usable(i) != 0 {
			names = append(names, C.GoString(C.encoder_set_name(i)))
		}
	}
	return names
}

// SetInUse names the one that new encoders use.
func SetInUse() string { return C.GoString(C.encoder_set_name(C.encoder_set_best())) }

// Use makes e go on with the set of that name, for tests.
func (e *Encoder) Use(name string) {
	for i := range C.encoder_set_count() {
		if C.GoString(C.encoder_set_name(i)) == name {
			C.encoder_use(e.c, i)
			return
		}
	}
	panic("encoder: no instruction set " + name)
}
