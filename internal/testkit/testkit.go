// Package testkit finds the real model for tests, and the reference values that they compare with.
package testkit

import (
	_ "embed"
	"encoding/json"
	"math"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/internal/native"
)

//go:embed testdata/all-MiniLM-L6-v2.json
var golden []byte

// GoldenModel is the model that Golden's values belong to.
const GoldenModel = "all-MiniLM-L6-v2"

// Golden holds what the Python package transformers computes with GoldenModel: 32-bit floats on a CPU, one text at a
// time, texts cut to MaxLength tokens.
type Golden struct {
	WeightsSHA256 string `json:"weights_sha256"`
	MaxLength     int    `json:"max_length"`
	Cases         []Case `json:"cases"`
}

// Case is one text with its token ids, pooler output, mean of the last hidden state, and that mean at length 1.
type Case struct {
	Text   string    `json:"text"`
	IDs    []uint32  `json:"ids"`
	Pooler []float32 `json:"pooler"`
	Mean   []float32 `json:"mean"`
	MeanL2 []float32 `json:"mean_l2"`
}

var readGolden = sync.OnceValues(func() (*Golden, error) {
	g := new(Golden)
	return g, json.Unmarshal(golden, g)
})

// ReadGolden returns the reference values; callers share them and only read.
func ReadGolden(t testing.TB) *Golden {
	t.Helper()
	g, err := readGolden()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Model is the folder of the model called name. Without it the test is skipped, or fails where set-up brings the model.
func Model(t testing.TB, name string) string {
	t.Helper()
	dir, err := native.Model(name)
	switch {
	case err == nil:
	case name == GoldenModel:
		t.Fatalf("the model %s is missing, which `make test` fetches; for this test alone: MINNOW_MODEL=%[1]s scripts/setup.sh", name)
	default:
		t.Skipf("the model %s is missing; on a machine that reaches Hugging Face: MINNOW_MODEL=%[1]s scripts/setup.sh", name)
	}
	return dir
}

// MaxDelta is the largest difference between two vectors, number by number; NaN if one is NaN, and infinite if their
// lengths differ.
func MaxDelta(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var most float64
	for i := range a {
		if d := math.Abs(float64(a[i]) - float64(b[i])); !(d <= most) {
			most = d
		}
	}
	return most
}

// Cosine is the cosine of the angle between two vectors of the same length.
func Cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}
