package main

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/onnx"
)

func walkWith(t *testing.T, model string) []figure {
	t.Helper()
	m, err := onnx.Open(testkit.Model(t, model), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	figures, err := walk(t.Context(), m, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return figures
}

func TestTheWalkThroughGivesThePublishedFigures(t *testing.T) {
	figures := walkWith(t, native.DefaultModel())
	for _, f := range figures {
		if !(f.off() <= tolerance) {
			t.Errorf("%s: %v, published %v, off by %.2g", f.Step, f.Got, f.Published, f.off())
		}
	}
}

// With the other model the same steps must give what follows from its golden vectors, computed here in float64.
func TestTheWalkThroughGivesTheGoldenModelsFigures(t *testing.T) {
	var short, tall, small, mean []float32
	for _, c := range testkit.ReadGolden(t).Cases {
		switch c.Text {
		case "short":
			short, mean = c.Pooler, c.MeanL2
		case "tall":
			tall = c.Pooler
		case "small":
			small = c.Pooler
		}
	}
	l2 := func(a, b []float32) (sum float64) {
		for i := range a {
			d := float64(a[i]) - float64(b[i])
			sum += d * d
		}
		return sum
	}
	if l2(small, tall) < l2(small, short) {
		t.Fatal("the golden vectors put tall nearer to small than short")
	}
	unit := 1 / math.Sqrt(l2(short, make([]float32, len(short))))
	nearest := []float64{0, l2(small, short)}
	want := [][]float64{
		{0}, first3(short), {1}, {2}, nearest, first3(short), {0, 1 - testkit.Cosine(small, short)},
		{float64(short[0]) * unit, float64(short[1]) * unit, float64(short[2]) * unit}, first3(mean), nearest,
	}
	got := walkWith(t, testkit.GoldenModel)
	if len(got) != len(want) {
		t.Fatalf("%d figures, want %d", len(got), len(want))
	}
	for i, f := range got {
		// Distances sum 384 squares of numbers that are each within 2e-6.
		if off := (figure{Got: f.Got, Published: want[i]}).off(); !(off <= 5e-6) {
			t.Errorf("%s: %v, want %v, off by %.2g", f.Step, f.Got, want[i], off)
		}
	}
}

func TestAFigureThatIsOffFailsTheDemo(t *testing.T) {
	good := figure{"a step", []float64{1, 2}, []float64{1, 2.00005}}
	for name, c := range map[string]struct {
		figures []figure
		wrong   string
	}{
		"all right":           {[]figure{good}, ""},
		"off by more":         {[]figure{good, {"another", []float64{1}, []float64{1.0002}}}, "1 of 2 figures"},
		"not a number":        {[]figure{{"another", []float64{math.NaN()}, []float64{1}}}, "1 of 1 figures"},
		"a number too few":    {[]figure{{"another", []float64{1}, []float64{1, 2}}}, "1 of 1 figures"},
		"everything is wrong": {[]figure{{"a", []float64{9}, []float64{1}}, {"b", []float64{9}, []float64{1}}}, "2 of 2 figures"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := (&demoResult{Figures: c.figures, Published: true}).print(&out)
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("error %v, want %q\n%s", err, c.wrong, out.String())
			}
			if err := (&demoResult{Figures: c.figures}).print(&out); err != nil {
				t.Errorf("with another model nothing is published, so nothing is wrong: %v", err)
			}
		})
	}
}

func TestDemoAnswersTheQuestions(t *testing.T) {
	t.Setenv("MINNOW_MODEL", testkit.Model(t, testkit.GoldenModel))
	var out bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs([]string{"demo", "--dir", t.TempDir()})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for question, answer := range map[string]string{
		demoQuestions[0]: "Leaves turn sunlight",
		demoQuestions[1]: "The invoice was charged twice",
		demoQuestions[2]: "Bats are mammals",
	} {
		_, after, found := strings.Cut(out.String(), question+"\n")
		first, _, _ := strings.Cut(after, "\n")
		if !found || !strings.Contains(first, answer) {
			t.Errorf("%s: first hit %q, want %q", question, first, answer)
		}
	}
	if !strings.Contains(out.String(), "NOTE: this is not "+native.DefaultModel()) {
		t.Error("the output does not say that the model is another one")
	}
}
