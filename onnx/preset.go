package onnx

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Preset says how exactly a network is computed, and so how fast. Each is a file of its own beside the others, which
// scripts/export_onnx.py or `minnow model export --preset` makes. docs/int8.md has what each gains and loses, and how
// they are made.
type Preset string

const (
	// Exact is float32, with the numbers of sentence-transformers: the default.
	Exact Preset = "exact"
	// Balanced has the encoder's dense layers in int8; its vectors have a mean cosine of at least 0.999 with those of Exact.
	Balanced Preset = "balanced"
	// Fast tells fewer of their inputs in two terms: at least 0.9985.
	Fast Preset = "fast"
	// FP16 is float16, for GPUs ([Options.Provider]): at least 0.9999. A processor computes it slower than Exact.
	FP16 Preset = "fp16"
)

// LeastCosine is what a preset promises of the mean cosine between its vectors and the exact ones; export_onnx.py
// writes no network that has less on texts of its own.
func (p Preset) LeastCosine() float64 {
	switch p {
	case Balanced:
		return 0.999
	case Fast:
		return 0.9985
	case FP16:
		return 0.9999
	}
	return 1 - 1e-6
}

// files has where each preset's network is in a model's folder. That of Exact may be elsewhere: see findGraph.
var files = map[Preset]string{
	Exact:    "model.onnx",
	Balanced: "model_balanced.onnx",
	Fast:     "model_fast.onnx",
	FP16:     "model_fp16.onnx",
}

// Presets are those that the model in a folder can be opened with, Exact first.
func Presets(folder string) []Preset {
	return slices.DeleteFunc([]Preset{Exact, Balanced, Fast, FP16}, func(p Preset) bool {
		_, err := findGraph(folder, p)
		return err != nil
	})
}

// orDefault is the preset that p asks for: "" is $MINNOW_PRESET, or else Exact.
func (p Preset) orDefault() (Preset, error) {
	from := ""
	if p == "" {
		p, from = Preset(os.Getenv("MINNOW_PRESET")), " in MINNOW_PRESET"
	}
	if p == "" {
		p = Exact
	}
	if files[p] == "" {
		return "", fmt.Errorf("unknown preset %q%s; choose exact, balanced, fast or fp16", p, from)
	}
	return p, nil
}

// findGraph finds a network. That of Exact is where our exporter and most others put it, or in the folder itself.
func findGraph(folder string, p Preset) (string, error) {
	names := []string{filepath.Join("onnx", files[p])}
	if p == Exact {
		names = append(names, files[p])
	}
	for _, name := range names {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing in %s: %w", names[0], folder, fs.ErrNotExist)
}
