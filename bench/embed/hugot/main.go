// Hugot is the benchmark's worker for github.com/knights-analytics/hugot, on the same ONNX Runtime library and model file
// as ours. It takes texts in batches of 32, as its users do: it pads a whole call to the longest text of it.
package main

import (
	"os"
	"runtime/debug"

	"github.com/knights-analytics/hugot"
	"github.com/knights-analytics/hugot/options"
	"github.com/knights-analytics/hugot/pipelines"

	"github.com/minnow-search/minnow/bench/embed/protocol"
)

const batchSize = 32

type engine struct {
	p *pipelines.FeatureExtractionPipeline
}

func main() {
	protocol.Run(func(model string) (protocol.Engine, error) {
		session, err := hugot.NewORTSession(options.WithOnnxLibraryPath(os.Getenv("MINNOW_RUNTIME")))
		if err != nil {
			return nil, err
		}
		// It finds onnx/model.onnx in the folder, and then opens it as if it were there itself.
		if err := os.Chdir(model); err != nil {
			return nil, err
		}
		p, err := hugot.NewPipeline(session, hugot.FeatureExtractionConfig{
			ModelPath: model, Name: "embed", OnnxFilename: "model.onnx",
			Options: []hugot.FeatureExtractionOption{
				pipelines.WithNormalization(), pipelines.WithOutputName("last_hidden_state"),
			},
		})
		return engine{p}, err
	})
}

func (e engine) Version() string {
	const module = "github.com/knights-analytics/hugot"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				return "hugot " + dep.Version
			}
		}
	}
	return "hugot"
}

func (e engine) Embed(texts []string) ([][]float32, error) {
	var vectors [][]float32
	for start := 0; start < len(texts); start += batchSize {
		out, err := e.p.RunPipeline(texts[start:min(start+batchSize, len(texts))])
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, out.Embeddings...)
	}
	return vectors, nil
}
