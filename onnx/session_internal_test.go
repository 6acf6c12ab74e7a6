package onnx

import (
	"context"
	"errors"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
)

// Embed asks ctx before each run, so a run whose ctx ends in the middle cannot be had from outside at will.
func TestARunStopsWhenItsContextEnds(t *testing.T) {
	m, err := Open(testkit.Model(t, testkit.GoldenModel), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	texts := make([][]uint32, 32)
	for i := range texts {
		texts[i] = make([]uint32, 256)
	}
	s := m.shared.runner
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	if err := s.run(ctx, &batch{texts: texts}); !errors.Is(err, reason) {
		t.Errorf("run = %v, want the cause %v", err, reason)
	}
	if err := s.run(t.Context(), &batch{texts: texts[:1]}); err != nil {
		t.Errorf("the next run: %v", err)
	}
}
