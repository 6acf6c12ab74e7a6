package testkit

import (
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"testing"
)

//go:embed testdata/all-MiniLM-L6-v2-wide.json
var wide []byte

// WideGolden holds what the Python package sentence-transformers computes with GoldenModel, for texts chosen to be
// awkward: every script, emoji, control characters, NUL, broken UTF-8, 0 to 600 words, words of 5,000 letters. Floats
// of 32 bits on a CPU, one text at a time, cut at the model's own MaxLength. testdata/make_wide_golden.py wrote it.
type WideGolden struct {
	WeightsSHA256 string     `json:"weights_sha256"`
	MaxLength     int        `json:"max_length"`
	Cases         []WideCase `json:"cases"`
}

// WideCase is one text and what Python makes of it.
type WideCase struct {
	Name      string    // what is awkward about the text
	Text      string    // may be invalid UTF-8, which Python read with errors="replace"
	IDs       []uint32  // what the network sees: special tokens included, at most MaxLength
	Total     int       // tokens before the cut, special tokens included
	Embedding []float32 // SentenceTransformer.encode: mean of the last hidden state, at length 1
}

// UnmarshalJSON reads the compact form that the script writes.
func (c *WideCase) UnmarshalJSON(data []byte) error {
	var stored struct {
		Name, Text, Embedding string
		Bytes                 []byte // in place of Text where that is not valid UTF-8
		Total                 int
		IDs                   []uint32
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(stored.Embedding)
	if err != nil {
		return fmt.Errorf("embedding of %q: %w", stored.Name, err)
	}
	*c = WideCase{Name: stored.Name, Text: stored.Text, IDs: stored.IDs, Total: stored.Total}
	if stored.Bytes != nil {
		c.Text = string(stored.Bytes)
	}
	for ; len(raw) >= 4; raw = raw[4:] {
		c.Embedding = append(c.Embedding, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return nil
}

var readWide = sync.OnceValues(func() (*WideGolden, error) {
	g := new(WideGolden)
	return g, json.Unmarshal(wide, g)
})

// ReadWideGolden returns the reference values; callers share them and only read.
func ReadWideGolden(t testing.TB) *WideGolden {
	t.Helper()
	g, err := readWide()
	if err != nil {
		t.Fatal(err)
	}
	return g
}
