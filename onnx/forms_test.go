package onnx_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/onnx"
)

func TestEmbedGivesPythonsNumbersForAwkwardTexts(t *testing.T) {
	golden := testkit.ReadWideGolden(t)
	m := open(t, nil)
	var texts []string
	for _, c := range golden.Cases {
		texts = append(texts, c.Text)
	}
	together := embed(t, m, texts...)
	reversed := slices.Clone(texts)
	slices.Reverse(reversed)
	backwards := embed(t, m, reversed...)
	var worst, bits float64
	for i, c := range golden.Cases {
		alone := embed(t, m, c.Text)[0]
		for how, got := range map[string][]float32{
			"alone": alone, "in a batch": together[i], "in a batch the other way round": backwards[len(texts)-1-i],
		} {
			delta := testkit.MaxDelta(got, c.Embedding)
			if cosine := testkit.Cosine(got, c.Embedding); !(delta <= tolerance) || !(cosine >= 0.999999) {
				t.Errorf("%s %s: off by %.2g, cosine %.7f; want at most %g and at least 0.999999", c.Name, how, delta, cosine, tolerance)
			}
			worst, bits = max(worst, delta), max(bits, testkit.MaxDelta(got, alone))
		}
	}
	t.Logf("%d texts, largest difference to Python %.2g, among ways to ask %.2g", len(texts), worst, bits)
}

func TestAllFormsGiveTheSame(t *testing.T) {
	m := open(t, nil)
	texts := []string{"a fish", "", "two fish", "a fish", strings.Repeat("long ", 400), "two fish"}
	want := embed(t, m, texts...)

	into := make([]float32, len(texts)*m.Dim())
	if err := m.EmbedInto(t.Context(), texts, into); err != nil {
		t.Fatal(err)
	}
	report, err := m.EmbedReport(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	var streamed []onnx.Embedding
	for e, err := range m.EmbedSeq(t.Context(), slices.Values(texts)) {
		if err != nil {
			t.Fatal(err)
		}
		streamed = append(streamed, e)
	}
	if len(streamed) != len(texts) {
		t.Fatalf("EmbedSeq gave %d embeddings of %d texts", len(streamed), len(texts))
	}
	for i := range texts {
		for how, got := range map[string][]float32{
			"EmbedInto": into[i*m.Dim() : (i+1)*m.Dim()], "EmbedReport": report[i].Vector, "EmbedSeq": streamed[i].Vector,
		} {
			if delta := testkit.MaxDelta(got, want[i]); !(delta <= 1e-6) {
				t.Errorf("%s, text %d: off by %.2g", how, i, delta)
			}
		}
		if cut := i == 4; report[i].Truncated() != cut || streamed[i].Truncated() != cut {
			t.Errorf("text %d has %d tokens of %d: truncated is %v", i, report[i].Tokens, report[i].Total, report[i].Truncated())
		}
	}
	if report[4].Tokens != m.MaxTokens() || report[4].Total != 402 || report[1].Tokens != 2 {
		t.Errorf("reports %+v and %+v", report[4].Tokens, report[4].Total)
	}
	if err := m.EmbedInto(t.Context(), texts, into[1:]); err == nil || !strings.Contains(err.Error(), "want 384 for each of 6") {
		t.Errorf("EmbedInto with too little room: %v", err)
	}
}

func TestEmbedSeqReadsAheadAndStops(t *testing.T) {
	m := open(t, nil)
	read := 0
	endless := func(yield func(string) bool) {
		for yield("fish " + strconv.Itoa(read%50)) {
			read++
		}
	}
	got := 0
	for _, err := range m.EmbedSeq(t.Context(), endless) {
		if err != nil {
			t.Fatal(err)
		}
		if got++; got == 1500 {
			break
		}
	}
	if read > 2048 {
		t.Errorf("it read %d texts for 1500 embeddings, want at most 2048", read)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	seen := 0
	for _, err := range m.EmbedSeq(ctx, endless) {
		if seen++; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	}
	if seen != 1 {
		t.Errorf("a cancelled sequence gave %d things, want its error alone", seen)
	}
}

// Mean pooling of the tokens' vectors, done by hand, is the embedding.
func TestEmbedTokensGivesWhatEmbedPools(t *testing.T) {
	m := with(t, open(t, nil), onnx.Mean, onnx.None)
	texts := []string{"a small fish", "", "a small fish"}
	want := embed(t, m, texts...)
	got, err := m.EmbedTokens(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		e, err := m.Tokenize(text)
		if err != nil || !slices.Equal(e.IDs, got[i].IDs) || len(got[i].Vectors) != len(e.IDs) {
			t.Fatalf("text %d: ids %v with %d vectors, want %v", i, got[i].IDs, len(got[i].Vectors), e.IDs)
		}
		mean := make([]float32, m.Dim())
		for _, v := range got[i].Vectors {
			for j, x := range v {
				mean[j] += x / float32(len(got[i].Vectors))
			}
		}
		if delta := testkit.MaxDelta(mean, want[i]); !(delta <= tolerance) {
			t.Errorf("text %d: the mean of its tokens is off by %.2g", i, delta)
		}
	}
}

func TestEveryMethodSaysThatTheModelIsClosed(t *testing.T) {
	m := open(t, nil)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	_, tokenize := m.Tokenize("a")
	_, count := m.CountTokens("a")
	_, tokens := m.EmbedTokens(t.Context(), []string{"a"})
	_, queries := m.EmbedQueries(t.Context(), []string{"a"})
	_, report := m.EmbedReport(t.Context(), []string{"a"})
	var seq error
	for _, err := range m.EmbedSeq(t.Context(), slices.Values([]string{"a"})) {
		seq = err
	}
	for name, err := range map[string]error{
		"Tokenize": tokenize, "CountTokens": count, "EmbedTokens": tokens, "EmbedQueries": queries, "EmbedReport": report, "EmbedSeq": seq,
	} {
		if !errors.Is(err, onnx.ErrClosed) {
			t.Errorf("%s: %v, want %v", name, err, onnx.ErrClosed)
		}
	}
}

func TestSettingsThatChangeVectorsChangeTheID(t *testing.T) {
	ids := make(map[string]string)
	for name, o := range map[string]*onnx.Options{
		"default": nil, "cls": {Pooling: onnx.CLS}, "cls and mean": {Pooling: "cls+mean"}, "no length": {Normalization: onnx.None},
		"100 tokens": {MaxTokens: 100}, "100 numbers": {Dim: 100}, "a prompt": {Prompts: &onnx.Prompts{Query: "query: "}},
		"the same for texts": {Prompts: &onnx.Prompts{Text: "query: "}},
	} {
		id := open(t, o).ID()
		if other, ok := ids[id]; ok {
			t.Errorf("%q and %q have the ID %q", name, other, id)
		}
		ids[id] = name
	}
}

// A text of 10 MB: what is beyond the limit is counted, and nothing more is kept of it.
func TestAHugeTextTakesLittleMemory(t *testing.T) {
	m := open(t, nil)
	text := strings.Repeat("the many small fish of the river ", 10<<20/33)
	before := peakMemory(t)
	report, err := m.EmbedReport(t.Context(), []string{text})
	if err != nil {
		t.Fatal(err)
	}
	if want := 7*(10<<20/33) + 2; report[0].Total != want || report[0].Tokens != m.MaxTokens() {
		t.Errorf("%d tokens of %d, want %d of %d", report[0].Tokens, report[0].Total, m.MaxTokens(), want)
	}
	if grown := peakMemory(t) - before; grown > 200<<20 {
		t.Errorf("the process grew by %d MB for 10 MB of text", grown>>20)
	}
}

func TestMemoryDoesNotGrowWithTheNumberOfTexts(t *testing.T) {
	if testing.Short() {
		t.Skip("7,000 texts take a minute under the race detector; run without -short")
	}
	m := open(t, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	some := func() []string {
		texts := make([]string, 500)
		for i := range texts {
			texts[i] = strings.Repeat("fish "+strconv.Itoa(rng.IntN(1000))+" ", 1+rng.IntN(4))
		}
		return texts
	}
	for range 4 { // by then the pools are as large as they get
		embed(t, m, some()...)
	}
	before := peakMemory(t)
	for range 10 {
		embed(t, m, some()...)
	}
	if grown := peakMemory(t) - before; grown > 64<<20 {
		t.Errorf("the process grew by %d MB over 5,000 texts more", grown>>20)
	}
}

// peakMemory is the most that the process has had in memory, in bytes.
func peakMemory(t *testing.T) int {
	t.Helper()
	runtime.GC()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("this system does not tell a process's memory: %v; run the test on Linux", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kB << 10
}
