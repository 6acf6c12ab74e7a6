package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestReadGraphTellsWhatAFileHolds(t *testing.T) {
	g, err := readGraph("testdata/models/others-int32/model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, in := range g.inputs {
		names = append(names, in.name)
		if in.kind != int32Type || !slices.Equal(in.dims, []int64{-1, -1}) {
			t.Errorf("input %+v, want int32 of two dimensions that may differ", in)
		}
	}
	if want := []string{"token_type_ids", "attention_mask", "input_ids"}; !slices.Equal(names, want) {
		t.Errorf("inputs %q, want %q", names, want)
	}
	if out := g.outputs[1]; out.name != "token_embeddings" || out.kind != float32Type || !slices.Equal(out.dims, []int64{-1, -1, 16}) {
		t.Errorf("second output %+v, want token_embeddings of 16 float32", out)
	}
	g, err = readGraph("testdata/models/minilm/onnx/model.onnx")
	if err != nil || g.metadata["minnow.preset"] != "exact" || len(g.metadata["minnow.weights_sha256"]) != 64 {
		t.Errorf("metadata %v, %v", g.metadata, err)
	}
}

// Whatever a file holds, reading it ends, and without a panic.
func FuzzReadGraph(f *testing.F) {
	whole, err := os.ReadFile("testdata/models/minilm/onnx/model.onnx")
	if err != nil {
		f.Fatal(err)
	}
	for n := 0; n < len(whole); n += 512 {
		f.Add(whole[:n])
	}
	f.Add(whole)
	f.Add([]byte("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "model.onnx")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if g, err := readGraph(path); err == nil && len(g.outputs) == 0 {
			t.Error("a graph without outputs is accepted")
		}
		_, _ = readNetwork(path, 16)
	})
}
