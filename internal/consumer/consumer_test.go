// Package consumer tests minnow from outside: a module of its own, in another folder, that imports it as a user would.
package consumer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/minnow-search/minnow"

func TestAModuleOutsideTheTreeBuildsWithOneCommandAndOneLine(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(filepath.Join("testdata", "main.go.txt"))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), string(program)) {
		t.Error("README.md does not show the program of testdata/main.go.txt")
	}

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), program, 0o644); err != nil {
		t.Fatal(err)
	}
	// The checkout stands in for the released module; the rest is what README tells a user to type.
	sh(t, dir, "go mod init example.com/fish && go mod edit -replace "+module+"='"+root+"'")
	sh(t, dir, "go get "+module+"@v0.0.0-unreleased 2>/dev/null || go mod edit -require "+module+"@v0.0.0 && go mod tidy")
	sh(t, dir, "go run "+module+"/cmd/minnow-setup")
	out := sh(t, dir, `eval "$(go run `+module+`/cmd/minnow-setup env)" && go run .`)
	first, _, _ := strings.Cut(out, "\n")
	if !strings.Contains(first, "A minnow is a small freshwater fish.") {
		t.Errorf("the program printed\n%s\nwant the fish first", out)
	}
}

// sh runs a line with bash in dir, without the build environment that this test itself was built in.
func sh(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.Command("bash", "-euc", line)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "CGO_") && name != "GOFLAGS" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", line, err, out, stderr.String())
	}
	return string(out)
}
