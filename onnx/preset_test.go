package onnx_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/internal/vec"
	"github.com/minnow-search/minnow/onnx"
	"github.com/minnow-search/minnow/scripts"
)

func openPreset(t *testing.T, p onnx.Preset) *onnx.Model {
	t.Helper()
	m, err := onnx.Open(testkit.Model(t, testkit.GoldenModel), &onnx.Options{Preset: p})
	if err != nil {
		t.Fatalf("%v; `make test` makes the presets: scripts/setup.sh test", err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func goldenTexts(t *testing.T) []string {
	var texts []string
	for _, c := range testkit.ReadGolden(t).Cases {
		texts = append(texts, c.Text)
	}
	return texts
}

// The texts of the golden values are awkward ones: empty, of one letter, of noise, in many scripts, beyond the limit. Of
// sentences, of which export_onnx.py has some, a preset keeps what it promises.
func TestPresetsKeepNearTheExactVectors(t *testing.T) {
	exact := openPreset(t, onnx.Exact)
	for _, tt := range []struct {
		name        string
		texts       []string
		mean, least map[onnx.Preset]float64
	}{
		{"sentences", scripts.HeldOut(),
			map[onnx.Preset]float64{onnx.Balanced: onnx.Balanced.LeastCosine(), onnx.Fast: onnx.Fast.LeastCosine(), onnx.FP16: onnx.FP16.LeastCosine()},
			map[onnx.Preset]float64{onnx.Balanced: 0.985, onnx.Fast: 0.975, onnx.FP16: 0.9999}},
		{"awkward texts", goldenTexts(t),
			map[onnx.Preset]float64{onnx.Balanced: 0.995, onnx.Fast: 0.9935, onnx.FP16: 0.9999},
			map[onnx.Preset]float64{onnx.Balanced: 0.965, onnx.Fast: 0.96, onnx.FP16: 0.9999}},
	} {
		want, err := exact.Embed(t.Context(), tt.texts)
		if err != nil {
			t.Fatal(err)
		}
		for p, mean := range tt.mean {
			got, err := openPreset(t, p).Embed(t.Context(), tt.texts)
			if err != nil {
				t.Fatal(err)
			}
			sum, least := 0.0, 1.0
			for i := range got {
				cosine := 1 - vec.Cosine(got[i], want[i])
				sum += cosine
				least = min(least, cosine)
				if cosine < tt.least[p] {
					t.Errorf("%s, %s: cosine %.4f of %q, want %v", p, tt.name, cosine, tt.texts[i], tt.least[p])
				}
			}
			t.Logf("%s, %s: mean cosine %.5f, least %.4f", p, tt.name, sum/float64(len(got)), least)
			if got := sum / float64(len(got)); got < mean {
				t.Errorf("%s, %s: mean cosine %.5f, want %v", p, tt.name, got, mean)
			}
		}
	}
}

// Ranges are fixed when a preset is made and sums run in one order, so a text's vector is its own, to the bit.
func TestAPresetsVectorDoesNotDependOnItsBatch(t *testing.T) {
	for _, p := range []onnx.Preset{onnx.Balanced, onnx.Fast} {
		m := openPreset(t, p)
		texts := goldenTexts(t)
		together, err := m.Embed(t.Context(), texts)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			alone, err := m.Embed(t.Context(), []string{text})
			if err != nil {
				t.Fatal(err)
			}
			if delta := testkit.MaxDelta(alone[0], together[i]); delta != 0 {
				t.Errorf("%s, %q: off by %.2g in a batch", p, text, delta)
			}
		}
	}
}

func TestPresetsAreVariantsOfOneModel(t *testing.T) {
	exact := openPreset(t, onnx.Exact).ID()
	ids := []string{exact}
	for _, p := range []onnx.Preset{onnx.Balanced, onnx.Fast, onnx.FP16} {
		m := openPreset(t, p)
		if m.Preset() != p {
			t.Errorf("Preset() = %s, want %s", m.Preset(), p)
		}
		if before, variant, _ := strings.Cut(m.ID(), " preset "); before != exact || !strings.HasPrefix(variant, string(p)+" ") {
			t.Errorf("ID() of %s = %q, want %q and the preset", p, m.ID(), exact)
		}
		if slices.Contains(ids, m.ID()) {
			t.Errorf("two presets have the ID %q", m.ID())
		}
		ids = append(ids, m.ID())
	}
	t.Setenv("MINNOW_PRESET", "fast")
	if m := openPreset(t, ""); m.Preset() != onnx.Fast {
		t.Errorf("with MINNOW_PRESET=fast: Preset() = %s", m.Preset())
	}
	if m := openPreset(t, onnx.Exact); m.Preset() != onnx.Exact {
		t.Errorf("Options.Preset exact with MINNOW_PRESET=fast: Preset() = %s", m.Preset())
	}
}

// What Go promises is what the export checks.
func TestBoundsAreThoseOfTheExport(t *testing.T) {
	source, err := scripts.FS.ReadFile("export_onnx.py")
	if err != nil {
		t.Fatal(err)
	}
	for p, pattern := range map[onnx.Preset]string{
		onnx.Balanced: `"balanced": Preset\(\d+, ([0-9.]+)\)`,
		onnx.Fast:     `"fast": Preset\(\d+, ([0-9.]+)\)`,
		onnx.FP16:     `HALF_LEAST_COSINE = ([0-9.]+)`,
	} {
		match := regexp.MustCompile(pattern).FindSubmatch(source)
		if match == nil || string(match[1]) != strconv.FormatFloat(p.LeastCosine(), 'g', -1, 64) {
			t.Errorf("preset %s: export_onnx.py has %q, LeastCosine() is %v", p, match, p.LeastCosine())
		}
	}
}

func TestPresetsThatAreNotThere(t *testing.T) {
	dir := filepath.Join("testdata", "models")
	models, err := os.ReadDir(dir)
	if err != nil || len(models) == 0 {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, models[0].Name())
	if got := onnx.Presets(folder); !slices.Equal(got, []onnx.Preset{onnx.Exact}) {
		t.Errorf("Presets(%s) = %v", folder, got)
	}
	_, err = onnx.Open(folder, &onnx.Options{Preset: onnx.Fast})
	if err == nil || !strings.Contains(err.Error(), "minnow model export --preset fast") {
		t.Errorf("Open with a preset that was not made: %v, want how to make it", err)
	}
	for _, how := range []string{"option", "variable"} {
		o := &onnx.Options{Preset: "quick"}
		if how == "variable" {
			t.Setenv("MINNOW_PRESET", "quick")
			o = nil
		}
		if _, err := onnx.Open(folder, o); err == nil || !strings.Contains(err.Error(), "exact, balanced, fast or fp16") {
			t.Errorf("Open with an unknown preset by %s: %v, want those that there are", how, err)
		}
	}
}
