package onnx

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const smallHidden, smallVocabulary = 32, 60 // of the networks of testdata/make_int8.py

// openBoth opens a small network in int8 on kernels of our own and in ONNX Runtime.
func openBoth(t *testing.T, path string) (*network, runner, runner) {
	t.Helper()
	n, err := readNetwork(path, smallHidden)
	if err != nil {
		t.Fatal(err)
	}
	e, err := openEncoder(n)
	if err != nil || e == nil {
		t.Fatalf("openEncoder(%s) = %v, %v", path, e, err)
	}
	t.Cleanup(e.Close)
	if err := start(""); err != nil {
		t.Fatal(err)
	}
	s, err := openSession(n, 1, 1, CPU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	return n, &own{e, n, 1}, s
}

func randomTexts(r *rand.Rand, n, longest int) [][]uint32 {
	texts := make([][]uint32, n)
	for i := range texts {
		for range 1 + r.IntN(longest) {
			texts[i] = append(texts[i], uint32(2+r.IntN(smallVocabulary-2)))
		}
	}
	return texts
}

// The kernels compute what the file says: every kind of network, against ONNX Runtime on the same file. Where the two
// differ in a last bit, a number may be told as its neighbour in 8 bits, and what follows from it differs too: most agree to
// the rounding of floats, and none is far off. A mistake in a formula would leave none that agree.
func TestOwnKernelsAgreeWithONNXRuntime(t *testing.T) {
	files, err := filepath.Glob("testdata/int8/*.onnx")
	if err != nil || len(files) != 4 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		n, ours, theirs := openBoth(t, file)
		const seed = 3
		a, b := batch{texts: randomTexts(rand.New(rand.NewPCG(seed, 0)), 40, 30)}, batch{}
		b.texts = a.texts
		if err := ours.run(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
		if err := theirs.run(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		near, all, worst := 0, 0, 0.0
		for i := range a.texts {
			gotTokens, gotPooled := n.text(&a, i)
			wantTokens, wantPooled := n.text(&b, i)
			got, want := slices.Concat(gotTokens, gotPooled), slices.Concat(wantTokens, wantPooled)
			if len(got) != len(want) || len(got) == 0 {
				t.Fatalf("%s, text %d: %d numbers, want %d", file, i, len(got), len(want))
			}
			for j := range got {
				off := math.Abs(float64(got[j] - want[j]))
				worst = max(worst, off)
				all++
				if off < 1e-5 {
					near++
				}
			}
		}
		t.Logf("%s: %d of %d numbers agree, the worst is off by %.2g", file, near, all, worst)
		if near < all/2 || !(worst < 0.2) {
			t.Errorf("%s, seed %d: %d of %d numbers agree, the worst is off by %.2g", file, seed, near, all, worst)
		}
	}
}

// RoBERTa and MPNet give a token that is the padding one no position of its own.
func TestOwnKernelsKnowThePaddingToken(t *testing.T) {
	for _, name := range []string{"roberta", "mpnet"} {
		n, ours, theirs := openBoth(t, "testdata/int8/"+name+".onnx")
		a, b := batch{texts: [][]uint32{{5, 1, 7, 9}}}, batch{texts: [][]uint32{{5, 1, 7, 9}}}
		if err := ours.run(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
		if err := theirs.run(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		got, _ := n.text(&a, 0)
		want, _ := n.text(&b, 0)
		for j := range got {
			if off := math.Abs(float64(got[j] - want[j])); off > 0.05 {
				t.Errorf("%s: number %d is off by %.2g", name, j, off)
			}
		}
	}
}

func TestDamagedWeightsAreRefused(t *testing.T) {
	shape := func(old, with string) func(n *network) {
		return func(n *network) { n.encoder = strings.Replace(n.encoder, old, with, 1) }
	}
	for _, tt := range []struct {
		name   string
		damage func(n *network)
		want   string
	}{
		{"a weight that is missing", func(n *network) { delete(n.weights, "encoder.layer.1.attention.self.key.scale") }, "key.scale has 0 bytes"},
		{"a weight beyond the file", func(n *network) {
			w := n.weights["pooler.dense.bias"]
			w.at = 1 << 40
			n.weights["pooler.dense.bias"] = w
		}, "EOF"},
		{"another shape", shape(`"inner": 80`, `"inner": 96`), "shape"},
		{"more words than there are", shape(`"vocabulary": 60`, `"vocabulary": 9000000000`), "shape"},
		{"no words", shape(`"vocabulary": 60`, `"vocabulary": -0`), "shape"},
		{"more layers than there are", shape(`"layers": 2`, `"layers": 2000000000`), "shape"},
		{"distances that are not there", shape(`"reach": 0`, `"reach": 5000000000`), "by_distance"},
		{"no shape", shape(`{`, `[`), "invalid character"},
	} {
		n, err := readNetwork("testdata/int8/bert.onnx", smallHidden)
		if err != nil {
			t.Fatal(err)
		}
		tt.damage(n)
		e, err := openEncoder(n)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "run set-up again") {
			t.Errorf("%s: openEncoder = %v, %v, want an error with %q", tt.name, e, err, tt.want)
		}
	}
}

// Networks that the kernels do not fit are ONNX Runtime's.
func TestWhatOwnKernelsCannotDo(t *testing.T) {
	for _, encoder := range []string{"", `{"layers":1,"hidden":40,"heads":4,"inner":80}`, `{"layers":1,"hidden":32,"heads":2,"inner":8}`} {
		e, err := openEncoder(&network{encoder: encoder, tokens: new(tensorInfo)})
		if e != nil || err != nil {
			t.Errorf("openEncoder of %q = %v, %v", encoder, e, err)
		}
	}
}

// BenchmarkLone is a query's run of the network, by the preset that $MINNOW_PRESET names, on one core and on all.
func BenchmarkLone(b *testing.B) {
	m, err := Open("", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	text := make([]uint32, 14)
	for i := range text {
		text[i] = uint32(1000 + 37*i)
	}
	for _, threads := range []int{1, m.shared.threads} {
		r, err := m.shared.open(threads)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strconv.Itoa(threads), func(b *testing.B) {
			batch := batch{texts: [][]uint32{text}}
			for b.Loop() {
				if err := r.run(b.Context(), &batch); err != nil {
					b.Fatal(err)
				}
			}
		})
		if err := r.close(); err != nil {
			b.Fatal(err)
		}
	}
}
