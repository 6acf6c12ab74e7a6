package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Pooling says how the vectors of a text's tokens become one. Several joined by + are put one after the other, as in
// "mean+max". The names are those of sentence-transformers. Special tokens count, padding does not.
type Pooling string

const (
	// ModelPooling is what the model's modules.json says.
	ModelPooling Pooling = ""
	// Mean is the mean of all tokens' vectors.
	Mean Pooling = "mean"
	// CLS is the vector of the first token.
	CLS Pooling = "cls"
	// Max is the largest number of all tokens' vectors, component by component.
	Max Pooling = "max"
	// MeanSqrtLen is the sum of all tokens' vectors over the square root of their number.
	MeanSqrtLen Pooling = "mean_sqrt_len_tokens"
	// WeightedMean is the mean in which the i-th token, counted from 1, weighs i (SGPT).
	WeightedMean Pooling = "weightedmean"
	// LastToken is the vector of the last token.
	LastToken Pooling = "lasttoken"
	// Pooler is the network's own pooler output, tanh(W·cls + b): what Bumblebee and Transformers call pooled state.
	Pooler Pooling = "pooler"
)

var poolings = []Pooling{Mean, CLS, Max, MeanSqrtLen, WeightedMean, LastToken, Pooler}

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

// parts are the poolings that p is made of, or an error that says what there is.
func (p Pooling) parts() ([]Pooling, error) {
	var parts []Pooling
	for name := range strings.SplitSeq(string(p), "+") {
		part := Pooling(name)
		if !slices.Contains(poolings, part) {
			return nil, fmt.Errorf("unknown pooling %q; choose one of %q, or several joined by +", part, poolings)
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// pool writes into out (hidden numbers a part) what p makes of one text: of the vectors of its tokens, hidden numbers
// each, and of the network's pooler output. The first skip tokens are left out, where pooling leaves out a prompt; a
// position weighs what it would with them.
func (p pooled) pool(out, tokens, pooler []float32, skip int) {
	hidden := p.hidden
	n := len(tokens) / hidden
	if skip >= n {
		skip = 0
	}
	rest := tokens[skip*hidden:]
	for i, part := range p.parts {
		to := out[i*hidden:][:hidden]
		switch part {
		case CLS:
			copy(to, rest)
		case LastToken:
			copy(to, tokens[(n-1)*hidden:])
		case Pooler:
			copy(to, pooler)
		case Max:
			copy(to, rest)
			for row := range slices.Chunk(rest[hidden:], hidden) {
				for j, x := range row {
					to[j] = max(to[j], x)
				}
			}
		case Mean:
			sum(to, rest)
			divide(to, float32(n-skip))
		case MeanSqrtLen:
			sum(to, rest)
			divide(to, float32(math.Sqrt(float64(n-skip))))
		case WeightedMean:
			clear(to)
			var weights float32
			for t := skip; t < n; t++ {
				weight := float32(t + 1)
				weights += weight
				for j, x := range tokens[t*hidden:][:hidden] {
					to[j] += float32(weight * x) // rounded, not fused as on some processors: the same bits on all
				}
			}
			divide(to, weights)
		default:
			panic(fmt.Sprintf("onnx: pooling %q passed the checks of parts", part))
		}
	}
}

// pooled is a Pooling that has been checked.
type pooled struct {
	parts  []Pooling
	hidden int // numbers a token's vector has
}

func (p pooled) dim() int { return len(p.parts) * p.hidden }

func sum(to, rows []float32) {
	copy(to, rows)
	for row := range slices.Chunk(rows[len(to):], len(to)) {
		for j, x := range row {
			to[j] += x
		}
	}
}

func divide(v []float32, by float32) {
	for i := range v {
		v[i] /= by
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
