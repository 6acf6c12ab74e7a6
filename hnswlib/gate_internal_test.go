package hnswlib

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
)

func someVectors(t *testing.T, n, dim int) (*Index, []float32, []uint64) {
	t.Helper()
	ix, err := New(L2, dim, &Config{MaxElements: 2 * n, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(ix.Check(), ix.Close()); err != nil {
			t.Error(err)
		}
	})
	vecs, labels := make([]float32, n*dim), make([]uint64, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range vecs {
		vecs[i] = float32(r.NormFloat64())
	}
	for i := range labels {
		labels[i] = uint64(i)
	}
	return ix, vecs, labels
}

// A slice takes all it is given, or what it is sure of if somebody waits, and two
// more at most: one that each thread was at.
func TestASliceEndsWhenSomebodyWaits(t *testing.T) {
	const n, dim, sure = 1000, 8, 20
	ix, vecs, labels := someVectors(t, n, dim)
	if err := ix.Add(vecs[:400*dim], labels[:400]); err != nil { // past serialStart
		t.Fatal(err)
	}
	ix.gate.waiting.Add(1)
	in, err := ix.slice(vecs[400*dim:], labels[400:], sure, 2)
	ix.gate.waiting.Add(-1)
	if err != nil || in != sure {
		t.Errorf("slice with somebody waiting = %d, %v, want %d", in, err, sure)
	}
	rest, err := ix.slice(vecs[(400+in)*dim:], labels[400+in:], sure, 2)
	if err != nil || 400+in+rest != n {
		t.Errorf("slice with nobody waiting = %d, %v, want %d", rest, err, n-400-in)
	}
	ix.stats = ix.c.Stat()
	if ix.Len() != n {
		t.Errorf("Len() = %d, want %d", ix.Len(), n)
	}
}

// Whoever comes while a slice is under way has it end; when all are gone, nobody
// waits.
func TestWaitingIsCountedBack(t *testing.T) {
	ix, vecs, labels := someVectors(t, 3000, 32)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- ix.AddContext(ctx, vecs, labels) }()
	for ix.Len() < 600 {
		if _, err := ix.KNNQuery(vecs[:32], 1, nil); err != nil && !errors.Is(err, ErrEmpty) {
			t.Fatal(err)
		}
		if err := ix.SetEf(20); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || ix.Len() == 3000 {
		t.Errorf("AddContext = %v with %d in, want %v before the end", err, ix.Len(), context.Canceled)
	}
	if n := ix.gate.waiting.Load(); n != 0 {
		t.Errorf("%d wait after all are gone", n)
	}
	if err := ix.Add(vecs, labels); err != nil || ix.Len() != 3000 {
		t.Errorf("Add after a broken one: %v with %d in", err, ix.Len())
	}
}

func TestAddContextEndsWhileItWaitsForItsTurn(t *testing.T) {
	ix, vecs, labels := someVectors(t, 10, 2)
	if err := ix.gate.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ix.AddContext(ctx, vecs, labels); !errors.Is(err, context.Canceled) {
		t.Errorf("AddContext = %v, want %v", err, context.Canceled)
	}
	ix.gate.leave()
	if err := ix.Add(vecs, labels); err != nil {
		t.Errorf("Add afterwards: %v", err)
	}
}

// A rebuild that its context ends leaves the index as it was.
func TestARebuildEndsWithItsContext(t *testing.T) {
	ix, vecs, labels := someVectors(t, 2000, 16)
	if err := ix.Add(vecs, labels); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := ix.count()
	if err := ix.rebuild(ctx, "compact", false); !errors.Is(err, context.Canceled) {
		t.Errorf("rebuild = %v, want %v", err, context.Canceled)
	}
	if after := ix.count(); after != before {
		t.Errorf("it was %+v, is %+v", before, after)
	}
}

func TestTheZeroIndexIsClosed(t *testing.T) {
	var ix Index
	_, query := ix.KNNQuery(nil, 1, nil)
	_, auto := ix.AddAuto(nil)
	_, within := ix.Within(nil, 1, nil)
	_, items := ix.Items(nil)
	_, stats := ix.Stats()
	for name, err := range map[string]error{
		"Add": ix.Add(nil, nil), "AddAuto": auto, "KNNQuery": query, "Within": within, "Items": items, "Stats": stats,
		"MarkDeleted": ix.MarkDeleted(nil), "Resize": ix.Resize(5), "Compact": ix.Compact(), "Check": ix.Check(),
		"Save": ix.Save(t.TempDir() + "/x"), "SetEf": ix.SetEf(3),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v, want %v", name, err, ErrClosed)
		}
	}
	if err := ix.Close(); err != nil || ix.Len() != 0 || ix.Labels() != nil || ix.FileSize() != 0 {
		t.Errorf("Close: %v; Len, Labels, FileSize = %d, %v, %d", err, ix.Len(), ix.Labels(), ix.FileSize())
	}
}
