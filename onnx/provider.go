package onnx

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// Provider is what ONNX Runtime computes on: its execution provider. The library that set-up fetches has CPU alone; for
// another, name in [Options.Runtime] a library built with it.
type Provider string

const (
	// CPU is every machine's, and the default.
	CPU Provider = ""
	// CUDA is NVIDIA's GPUs, on Linux and Windows.
	CUDA Provider = "cuda"
	// CoreML is Apple's GPUs and neural engines.
	CoreML Provider = "coreml"
	// DirectML is any GPU under Windows.
	DirectML Provider = "directml"
)

// add has options ask for p.
func (p Provider) add(options *ort.SessionOptions) error {
	var err error
	switch p {
	case CPU:
		return nil
	case CUDA:
		var cuda *ort.CUDAProviderOptions
		if cuda, err = ort.NewCUDAProviderOptions(); err == nil {
			defer cuda.Destroy()
			// By default products of float32 are rounded to 10 bits before (TF32), which puts vectors 1.6e-4 off those of a processor.
			if err = cuda.Update(map[string]string{"use_tf32": "0"}); err == nil {
				err = options.AppendExecutionProviderCUDA(cuda)
			}
		}
	case CoreML:
		err = options.AppendExecutionProviderCoreMLV2(nil)
	case DirectML:
		err = options.AppendExecutionProviderDirectML(0)
	default:
		return fmt.Errorf("unknown provider %q; choose cuda, coreml or directml, or none for the processor", p)
	}
	if err != nil {
		return fmt.Errorf("this ONNX Runtime library cannot use the provider %q; name one built with it in Options.Runtime or MINNOW_ONNXRUNTIME, or choose the processor: %w", p, err)
	}
	return nil
}
