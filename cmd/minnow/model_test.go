package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
)

func runModel(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs(append([]string{"model"}, args...))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// The same weights and the same exporter give the same bytes as set-up's.
func TestModelExportWritesWhatSetUpDid(t *testing.T) {
	from := testkit.Model(t, testkit.GoldenModel)
	to := filepath.Join(t.TempDir(), "network.onnx")
	if out, err := runModel(t, "export", from, "--output", to); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(from, "onnx", "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the network has %d bytes and differs from set-up's %d", len(got), len(want))
	}
}

func TestModelSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"export of an empty folder": {[]string{"export", t.TempDir()}, "config.json is missing"},
		"export of nothing":         {[]string{"export"}, "accepts 1 arg"},
		"fetch of an unknown name":  {[]string{"fetch", "no-such-model"}, "neither a folder, nor a Hugging Face repository"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runModel(t, c.args...)
			if err == nil {
				t.Fatal("no error")
			}
			if said := out + err.Error(); !strings.Contains(said, c.want) {
				t.Errorf("it said\n%s\nwant %q in it", said, c.want)
			}
		})
	}
}
