package onnx

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// dense is sentence-transformers' module of that name: y = activation(W·x + b).
type dense struct {
	in, out    int
	weight     []float32 // out × in, row-major
	bias       []float32 // out, or nil
	activation func(float64) float64
	print      string // of config and weights, for a model's ID
}

// activations by the last part of their name in torch.nn.
var activations = map[string]func(float64) float64{
	"Identity": func(x float64) float64 { return x },
	"Tanh":     math.Tanh,
	"ReLU":     func(x float64) float64 { return max(x, 0) },
	"GELU":     func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) },
	"Sigmoid":  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
}

func (f *folder) readDense(dir string) (*dense, error) {
	name := filepath.Join(dir, "config.json")
	var config struct {
		In         int    `json:"in_features"`
		Out        int    `json:"out_features"`
		Bias       *bool  `json:"bias"`
		Activation string `json:"activation_function"`
		Input      string `json:"module_input_name"`
		Output     string `json:"module_output_name"`
		Residual   bool   `json:"use_residual"`
	}
	if err := f.readJSON(name, &config); err != nil {
		return nil, err
	}
	path := filepath.Join(f.path, name)
	if config.Residual || config.Input != "" && config.Input != "sentence_embedding" || config.Output != "" && config.Output != config.Input {
		return nil, fmt.Errorf("%s asks for use_residual or for other inputs and outputs than sentence_embedding, which this package does not do", path)
	}
	activation := config.Activation
	if activation == "" {
		activation = "torch.nn.modules.activation.Tanh" // sentence-transformers' default
	}
	base := filepath.Ext(activation)
	d := &dense{in: config.In, out: config.Out}
	if base != "" {
		d.activation = activations[base[1:]]
	}
	if d.activation == nil {
		return nil, fmt.Errorf("%s asks for the activation function %s, which this package does not know", path, activation)
	}
	if d.in < 1 || d.out < 1 || d.in > 1<<16 || d.out > 1<<16 {
		return nil, fmt.Errorf("%s: in_features %d or out_features %d makes no sense; fetch the model anew", path, d.in, d.out)
	}
	file := filepath.Join(f.path, dir, "model.safetensors")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the weights of a Dense step are missing: %w; fetch the model anew, or save it in that format by sentence-transformers", err)
	}
	if d.weight, err = tensor(data, "linear.weight", d.out*d.in); err == nil && (config.Bias == nil || *config.Bias) {
		d.bias, err = tensor(data, "linear.bias", d.out)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d.print = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(data, "%s %d %d", base, d.in, d.out)))[:16]
	return d, nil
}

// apply writes activation(W·x + b) into y, which must not be x. Sums are in float64: this is the work of one token in a
// thousand of the network's.
func (d *dense) apply(y, x []float32) {
	for i := range y {
		var sum float64
		for j, w := range d.weight[i*d.in:][:d.in] {
			sum += float64(w) * float64(x[j])
		}
		if d.bias != nil {
			sum += float64(d.bias[i])
		}
		y[i] = float32(d.activation(sum))
	}
}

// tensor takes n floats called name out of a .safetensors file: the length of a JSON header in 8 bytes, the header, which
// says where each tensor begins and ends behind it, and the numbers, little-endian.
func tensor(data []byte, name string, n int) ([]float32, error) {
	if len(data) < 8 || binary.LittleEndian.Uint64(data) > uint64(len(data)-8) {
		return nil, fmt.Errorf("it is no .safetensors file, or damaged; fetch the model anew")
	}
	body := data[8+binary.LittleEndian.Uint64(data):]
	var header map[string]struct {
		Kind    string    `json:"dtype"`
		Offsets [2]uint64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(data[8:len(data)-len(body)], &header); err != nil {
		return nil, fmt.Errorf("its header is damaged, fetch the model anew: %w", err)
	}
	t, ok := header[name]
	if !ok || t.Kind != "F32" {
		return nil, fmt.Errorf("it has no tensor %s of float32", name)
	}
	if t.Offsets[0] > t.Offsets[1] || t.Offsets[1] > uint64(len(body)) || t.Offsets[1]-t.Offsets[0] != uint64(4*n) {
		return nil, fmt.Errorf("its tensor %s does not have the %d numbers that config.json says", name, n)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[t.Offsets[0]+uint64(4*i):]))
		if x := float64(out[i]); math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("its tensor %s has %g at place %d; fetch the model anew", name, x, i)
		}
	}
	return out, nil
}
