package onnx

import (
	"fmt"
	"math"
)

// Pooling says how the vectors of a text's tokens become one.
type Pooling string

const (
	// ModelPooling is what the model's modules.json says.
	ModelPooling Pooling = ""
	// Mean is the mean of all tokens' vectors, special tokens included, padding left out.
	Mean Pooling = "mean"
	// CLS is the vector of the first token.
	CLS Pooling = "cls"
	// Pooler is the network's own pooler output, tanh(W·cls + b): what Bumblebee and Transformers call pooled state.
	Pooler Pooling = "pooler"
)

// Normalization says whether embeddings are scaled.
type Normalization string

const (
	// ModelNormalization is what the model's modules.json says.
	ModelNormalization Normalization = ""
	// L2 scales every embedding to Euclidean length 1.
	L2 Normalization = "l2"
	// None leaves embeddings as they are.
	None Normalization = "none"
)

// pool writes the embedding of text i of b, which has n tokens, into out (hidden numbers).
func (p Pooling) pool(out []float32, b *batch, i, n int) {
	hidden := len(out)
	tokens := b.hidden[i*b.length*hidden:][:n*hidden]
	switch p {
	case CLS:
		copy(out, tokens)
	case Pooler:
		copy(out, b.pooler[i*hidden:])
	case Mean:
		clear(out)
		for t := range n {
			for j, x := range tokens[t*hidden:][:hidden] {
				out[j] += x
			}
		}
		for j := range out {
			out[j] /= float32(n)
		}
	default:
		panic(fmt.Sprintf("onnx: pooling %q passed the checks of With", p))
	}
}

// normalize scales v to length 1, as torch.nn.functional.normalize does, with the same floor of 1e-12.
func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	length := float32(max(math.Sqrt(sum), 1e-12))
	for i := range v {
		v[i] /= length
	}
}
