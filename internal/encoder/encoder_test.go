package encoder_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/encoder"
)

var shape = encoder.Shape{Layers: 2, Hidden: 64, Heads: 2, Inner: 80, Vocabulary: 30, Positions: 20, Padding: -1, Epsilon: 1e-12}

func random(t *testing.T, s encoder.Shape) *encoder.Encoder {
	t.Helper()
	e, err := encoder.New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	r := rand.New(rand.NewPCG(1, 2))
	floats := func(to []float32, size float32) []float32 {
		for i := range to {
			to[i] = (2*r.Float32() - 1) * size
		}
		return to
	}
	for _, table := range []encoder.Table{
		encoder.Words, encoder.Positions, encoder.Segment, encoder.NormWeight, encoder.NormBias,
		encoder.Relative, encoder.PoolerWeight, encoder.PoolerBias,
	} {
		floats(e.Table(table), 1)
	}
	for layer := range s.Layers {
		for part := encoder.Query; part <= encoder.Outer; part++ {
			d := dense(s, part)
			for i := range d.Codes {
				d.Codes[i] = int8(r.IntN(129) - 64) // so that two add up to no more than 128
			}
			floats(d.Scales, 0.002)
			floats(d.Bias, 0.2)
			if err := e.Set(layer, part, d); err != nil {
				t.Fatal(err)
			}
		}
	}
	return e
}

// dense is a layer of zeros of the right size.
func dense(s encoder.Shape, part encoder.Part) *encoder.Dense {
	inputs, outputs := s.Hidden, s.Hidden
	switch part {
	case encoder.Inner:
		outputs = s.Inner
	case encoder.Outer:
		inputs = s.Inner
	}
	return &encoder.Dense{
		Codes: make([]int8, inputs*outputs), Scales: make([]float32, outputs), Bias: make([]float32, outputs), Step: 0.03, Zero: 120,
	}
}

func TestEverySetGivesTheSameBits(t *testing.T) {
	e := random(t, shape)
	texts := [][]uint32{{1, 2, 3}, {4}, {29, 0, 7, 7, 11, 3, 2, 1, 9, 17, 22, 5, 5, 5, 1, 2, 3, 19}, {8, 8}}
	var want encoder.Batch
	if err := e.Run(&want, texts, 1, true); err != nil {
		t.Fatal(err)
	}
	sets := encoder.Sets()
	if !slices.Contains(sets, encoder.SetInUse()) || sets[len(sets)-1] != "portable" {
		t.Errorf("sets %q, in use %q", sets, encoder.SetInUse())
	}
	var b encoder.Batch // the same for all runs, as a pool has it
	for _, set := range sets {
		e.Use(set)
		for threads := 1; threads <= 4; threads++ {
			if err := e.Run(&b, texts, threads, true); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(b.Tokens, want.Tokens) || !slices.Equal(b.Pooled, want.Pooled) {
				t.Errorf("%s on %d threads computes other numbers than %s on one", set, threads, sets[0])
			}
		}
		for i, text := range texts {
			if err := e.Run(&b, [][]uint32{text}, 2, true); err != nil {
				t.Fatal(err)
			}
			if start := want.Start(i) * shape.Hidden; !slices.Equal(b.Tokens, want.Tokens[start:start+len(text)*shape.Hidden]) ||
				!slices.Equal(b.Pooled, want.Pooled[i*shape.Hidden:(i+1)*shape.Hidden]) {
				t.Errorf("%s: text %d alone has other numbers", set, i)
			}
		}
	}
}

func TestWrongInputIsRefused(t *testing.T) {
	e := random(t, shape)
	for _, tt := range []struct {
		name, want string
		texts      [][]uint32
	}{
		{"no texts", "no texts", nil},
		{"an empty text", "0 tokens", [][]uint32{{1}, {}}},
		{"a text that is too long", "21 tokens", [][]uint32{make([]uint32, 21)}},
		{"an unknown token", "token 30", [][]uint32{{1, 30}}},
	} {
		if err := e.Run(new(encoder.Batch), tt.texts, 1, false); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Run = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	padded := shape
	padded.Padding = 1
	if err := random(t, padded).Run(new(encoder.Batch), [][]uint32{make([]uint32, 19)}, 1, false); err == nil {
		t.Error("Run takes a text with more tokens than there are positions behind padding's")
	}
	short := dense(shape, encoder.Inner)
	short.Scales = short.Scales[:3]
	if err := e.Set(0, encoder.Inner, short); err == nil || !strings.Contains(err.Error(), "3 scales") {
		t.Errorf("Set with 3 scales = %v", err)
	}
	for _, wrong := range []func(s *encoder.Shape){
		func(s *encoder.Shape) { s.Layers = 0 }, func(s *encoder.Shape) { s.Heads = 3 }, func(s *encoder.Shape) { s.Inner = 81 },
		func(s *encoder.Shape) { s.Vocabulary = 0 }, func(s *encoder.Shape) { s.Hidden = -64 },
	} {
		s := shape
		wrong(&s)
		if e, err := encoder.New(s); err == nil {
			e.Close()
			t.Errorf("New(%+v) takes it", s)
		}
	}
}
