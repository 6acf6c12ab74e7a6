// Cuda measures package onnx on an NVIDIA GPU, beside the processor: whether the vectors are the same, and how quick it is.
// peer.py measures sentence-transformers on the same GPU. Usage:
//
//	cuda TEXTS.json MODEL_FOLDER        MINNOW_ONNXRUNTIME names a library with CUDA
//
// It prints rows of CSV: what, set, value.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/minnow-search/minnow/onnx"
)

const rounds, compared, queries = 5, 200, 200

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatalf("usage: %s TEXTS.json MODEL_FOLDER", os.Args[0])
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(path, folder string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var texts map[string][]string
	if err := json.Unmarshal(data, &texts); err != nil {
		return err
	}
	exact, err := open(folder, &onnx.Options{})
	if err != nil {
		return err
	}
	defer exact.Close()
	for _, p := range []onnx.Preset{onnx.Exact, onnx.FP16} {
		for _, tokens := range []int{2048, 4096, 8192, 12288, 16384} {
			if err := measure(texts, folder, exact, p, tokens); err != nil {
				return err
			}
		}
	}
	return nil
}

func open(folder string, o *onnx.Options) (*onnx.Model, error) {
	begin := time.Now()
	m, err := onnx.Open(folder, o)
	if err == nil {
		fmt.Printf("%s %s %d,start,%.3f\n", o.Provider, o.Preset, o.BatchTokens, time.Since(begin).Seconds())
	}
	return m, err
}

func measure(texts map[string][]string, folder string, exact *onnx.Model, p onnx.Preset, tokens int) error {
	m, err := open(folder, &onnx.Options{Preset: p, Provider: onnx.CUDA, BatchTokens: tokens})
	if err != nil {
		return err
	}
	defer m.Close()
	ctx := context.Background()
	name := fmt.Sprintf("cuda %s %d", p, tokens)
	for _, set := range []string{"short", "packages", "long"} {
		want, err := exact.Embed(ctx, texts[set][:compared])
		if err != nil {
			return err
		}
		got, err := m.Embed(ctx, texts[set][:compared])
		if err != nil {
			return err
		}
		least, difference := 1.0, 0.0
		for i := range got {
			dot := 0.0
			for j := range got[i] {
				dot += float64(got[i][j]) * float64(want[i][j])
				difference = max(difference, float64(max(got[i][j]-want[i][j], want[i][j]-got[i][j])))
			}
			least = min(least, dot)
		}
		fmt.Printf("%s,%s least cosine,%.7f\n%s,%s largest difference,%.2g\n", name, set, least, name, set, difference)
		var times []float64
		for range rounds {
			begin := time.Now()
			if _, err := m.Embed(ctx, texts[set]); err != nil {
				return err
			}
			times = append(times, time.Since(begin).Seconds())
		}
		slices.Sort(times)
		fmt.Printf("%s,%s texts a second,%.0f\n", name, set, float64(len(texts[set]))/times[rounds/2])
	}
	var times []float64
	for i := range queries {
		begin := time.Now()
		if _, err := m.Embed(ctx, texts["queries"][i%len(texts["queries"]):][:1]); err != nil {
			return err
		}
		times = append(times, time.Since(begin).Seconds())
	}
	slices.Sort(times)
	fmt.Printf("%s,query p50 ms,%.3f\n", name, 1e3*times[queries/2])
	return nil
}
