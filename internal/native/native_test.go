package native_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/native"
)

// prefix is a MINNOW_HOME that holds the models called names.
func prefix(t *testing.T, names ...string) string {
	t.Helper()
	home := t.TempDir()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(home, "models", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("MINNOW_HOME", home)
	t.Setenv("MINNOW_MODEL", "")
	return filepath.Join(home, "models")
}

func TestModelPrefersTheDefaultToItsFallback(t *testing.T) {
	models := prefix(t, "all-MiniLM-L6-v2")
	if dir, err := native.Model(""); err != nil || dir != filepath.Join(models, "all-MiniLM-L6-v2") {
		t.Errorf("with the fallback alone: %q, %v", dir, err)
	}
	models = prefix(t, "all-MiniLM-L6-v2", native.DefaultModel())
	if dir, err := native.Model(""); err != nil || dir != filepath.Join(models, native.DefaultModel()) {
		t.Errorf("with both: %q, %v", dir, err)
	}
}

func TestModelTakesWhatTheUserNames(t *testing.T) {
	models := prefix(t, native.DefaultModel(), "owner/other")
	folder := t.TempDir()
	for name, want := range map[string]string{"owner/other": filepath.Join(models, "owner/other"), folder: folder} {
		if dir, err := native.Model(name); err != nil || dir != want {
			t.Errorf("Model(%q) = %q, %v, want %q", name, dir, err, want)
		}
		t.Setenv("MINNOW_MODEL", name)
		if dir, err := native.Model(""); err != nil || dir != want {
			t.Errorf("MINNOW_MODEL=%s: %q, %v, want %q", name, dir, err, want)
		}
	}
	if dir, err := native.Model("all-MiniLM-L6-v2"); err == nil || !strings.Contains(err.Error(), native.SetupHint) {
		t.Errorf("a model that is not there: %q, %v, want an error that says how to get it", dir, err)
	}
}

func TestRuntimeTakesTheUsersFirst(t *testing.T) {
	prefix(t)
	t.Setenv("MINNOW_ONNXRUNTIME", "")
	if path, err := native.Runtime(); err == nil || !strings.Contains(err.Error(), native.SetupHint) {
		t.Errorf("before set-up: %q, %v, want an error that says how to get it", path, err)
	}
	own := filepath.Join(t.TempDir(), "mine.so")
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MINNOW_ONNXRUNTIME", own)
	if path, err := native.Runtime(); err != nil || path != own {
		t.Errorf("Runtime() = %q, %v, want %q", path, err, own)
	}
}
