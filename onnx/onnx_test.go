package onnx_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/onnx"
)

// tolerance is the largest difference to Python's numbers that the tests allow. Two correct float32 computations of six
// layers differ by up to 1e-6, as their sums run in another order; 3e-7 is usual.
const tolerance = 2e-6

func open(t testing.TB, o *onnx.Options) *onnx.Model {
	t.Helper()
	m, err := onnx.Open(testkit.Model(t, testkit.GoldenModel), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// with is m with another pooling, closed at the end of the test.
func with(t testing.TB, m *onnx.Model, p onnx.Pooling, n onnx.Normalization) *onnx.Model {
	t.Helper()
	other, err := m.With(p, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other
}

func embed(t testing.TB, m *onnx.Model, texts ...string) [][]float32 {
	t.Helper()
	vecs, err := m.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	return vecs
}

func TestEmbedGivesPythonsNumbers(t *testing.T) {
	golden := testkit.ReadGolden(t)
	m := open(t, &onnx.Options{MaxTokens: golden.MaxLength})
	texts := make([]string, len(golden.Cases))
	for i, c := range golden.Cases {
		texts[i] = c.Text
	}
	for _, kind := range []struct {
		name          string
		pooling       onnx.Pooling
		normalization onnx.Normalization
		want          func(testkit.Case) []float32
	}{
		{"pooler", onnx.Pooler, onnx.None, func(c testkit.Case) []float32 { return c.Pooler }},
		{"mean", onnx.Mean, onnx.None, func(c testkit.Case) []float32 { return c.Mean }},
		{"normalised mean", onnx.Mean, onnx.L2, func(c testkit.Case) []float32 { return c.MeanL2 }},
		{"what modules.json says", onnx.ModelPooling, onnx.ModelNormalization, func(c testkit.Case) []float32 { return c.MeanL2 }},
	} {
		t.Run(kind.name, func(t *testing.T) {
			m := with(t, m, kind.pooling, kind.normalization)
			together := embed(t, m, texts...)
			var worst float64
			for i, c := range golden.Cases {
				alone := embed(t, m, c.Text)[0]
				for how, got := range map[string][]float32{"alone": alone, "in a batch": together[i]} {
					delta := testkit.MaxDelta(got, kind.want(c))
					if !(delta <= tolerance) {
						t.Errorf("%.40q %s: off by %.2g, want at most %g", c.Text, how, delta, tolerance)
					}
					worst = max(worst, delta)
				}
			}
			t.Logf("largest difference to Python: %.2g", worst)
		})
	}
}

func TestABatchDoesNotChangeAVector(t *testing.T) {
	m := open(t, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	texts := make([]string, 60)
	for i := range texts {
		texts[i] = strings.TrimSpace(strings.Repeat("small silver fish ", 1+rng.IntN(40)))
	}
	want := make(map[string][]float32)
	for _, text := range texts {
		if want[text] == nil {
			want[text] = embed(t, m, text)[0]
		}
	}
	rng.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	for i, vec := range embed(t, m, texts...) {
		if delta := testkit.MaxDelta(vec, want[texts[i]]); !(delta <= 1e-6) {
			t.Errorf("text %d: off by %.2g from the same text alone, want at most 1e-6", i, delta)
		}
	}
}

func TestWhatAModelSaysOfItself(t *testing.T) {
	m := open(t, nil)
	pooler := with(t, m, onnx.Pooler, onnx.None)
	if m.Name() != testkit.GoldenModel || m.Dim() != 384 || m.MaxTokens() != 256 {
		t.Errorf("Name %q, Dim %d, MaxTokens %d; want %q, 384, 256", m.Name(), m.Dim(), m.MaxTokens(), testkit.GoldenModel)
	}
	if m.Pooling() != onnx.Mean || m.Normalization() != onnx.L2 {
		t.Errorf("pooling %q, normalization %q; want what modules.json says, mean and l2", m.Pooling(), m.Normalization())
	}
	if m.ID() == pooler.ID() {
		t.Errorf("both poolings have the ID %q; their vectors cannot be compared", m.ID())
	}
	if again := open(t, nil); again.ID() != m.ID() {
		t.Errorf("opened twice, the IDs are %q and %q", m.ID(), again.ID())
	}
}

func TestNoTextsGiveNoVectors(t *testing.T) {
	if vecs := embed(t, open(t, nil)); len(vecs) != 0 {
		t.Errorf("got %d vectors, want none", len(vecs))
	}
}

func TestEmbedStopsWhenItsContextEnds(t *testing.T) {
	m := open(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the user pressed a key")
	cancel(reason)
	if _, err := m.Embed(ctx, []string{"a"}); !errors.Is(err, reason) {
		t.Errorf("error %v, want the cause %v", err, reason)
	}

	// Cancelled somewhere inside: a thousand long texts take seconds.
	ctx, cancel = context.WithCancelCause(t.Context())
	texts := slices.Repeat([]string{strings.Repeat("long ", 300)}, 1000)
	started := make(chan struct{})
	go func() {
		<-started
		cancel(reason)
	}()
	close(started)
	if _, err := m.Embed(ctx, texts); !errors.Is(err, reason) {
		t.Errorf("error %v, want the cause %v", err, reason)
	}
	if vecs := embed(t, m, "still works"); len(vecs) != 1 {
		t.Errorf("after a cancelled call, Embed gives %d vectors, want 1", len(vecs))
	}
}

func TestGoroutinesShareAModel(t *testing.T) {
	m := open(t, nil)
	want := embed(t, m, "a", "big", "fish")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := m.Embed(t.Context(), []string{"a", "big", "fish"})
			if err != nil {
				t.Error(err)
				return
			}
			for i := range want {
				if delta := testkit.MaxDelta(got[i], want[i]); !(delta <= 1e-6) {
					t.Errorf("text %d: off by %.2g", i, delta)
				}
			}
		})
	}
	wg.Wait()
}

func TestCloseIsForOneModelAndMayBeCalledTwice(t *testing.T) {
	m := open(t, nil)
	other := with(t, m, onnx.CLS, onnx.L2)
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Embed(t.Context(), []string{"a"}); !errors.Is(err, onnx.ErrClosed) {
		t.Errorf("Embed after Close: %v, want ErrClosed", err)
	}
	if _, err := m.With(onnx.CLS, onnx.L2); !errors.Is(err, onnx.ErrClosed) {
		t.Errorf("With after Close: %v, want ErrClosed", err)
	}
	if vecs := embed(t, other, "a"); len(vecs) != 1 {
		t.Error("closing a model closed another that shares its weights")
	}
}

func TestUnknownSettingsAreRefused(t *testing.T) {
	dir := testkit.Model(t, testkit.GoldenModel)
	for want, o := range map[string]*onnx.Options{
		`unknown pooling "median"`:   {Pooling: "mean+median"},
		`unknown normalization "l1"`: {Normalization: "l1"},
		"Threads is -1":              {Threads: -1},
		"MaxTokens -5":               {MaxTokens: -5},
		"BatchTokens -2":             {BatchTokens: -2},
		"Dim is 385":                 {Dim: 385},
		`no prompt called "query"`:   {PromptName: "query"},
		`unknown provider "tpu"`:     {Provider: "tpu"},
		`the provider "cuda"`:        {Provider: onnx.CUDA},
		`the provider "coreml"`:      {Provider: onnx.CoreML},
		`the provider "directml"`:    {Provider: onnx.DirectML},
		"more than the 2 special":    {MaxTokens: 2},
	} {
		m, err := onnx.Open(dir, o)
		if err == nil {
			m.Close()
			t.Errorf("%+v was accepted", *o)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %q, want one with %q", *o, err, want)
		}
	}
}

func BenchmarkEmbedOne(b *testing.B) {
	m := open(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		embed(b, m, "any of various small freshwater fish of the family Cyprinidae")
	}
}

func BenchmarkEmbed100(b *testing.B) {
	m := open(b, nil)
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = fmt.Sprintf("fish number %d, %s", i, strings.Repeat("small and silver ", i%10))
	}
	b.ReportAllocs()
	for b.Loop() {
		embed(b, m, texts...)
	}
}

func Example() {
	ctx := context.Background()
	m, err := onnx.Open("", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	vecs, err := m.Embed(ctx, []string{"a small fish", "a tiny minnow", "the stock market"})
	if err != nil {
		fmt.Println(err)
		return
	}
	dot := func(a, b []float32) (sum float32) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	fmt.Println(len(vecs[0]), dot(vecs[0], vecs[1]) > dot(vecs[0], vecs[2]))
	// Output: 384 true
}
