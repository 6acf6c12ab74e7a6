// Package lint holds the tree to the rules of ARCHITECTURE.md: which package may import which, and who may touch C.
package lint

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/minnow-search/minnow"

type rule struct {
	pkg   string
	names []string
}

// mayImport says, for each package, which packages outside the standard library it may import. Packages of this module
// are written without its path. Imports go one way: every package may only name those that come before it.
var mayImport = []rule{
	{"csrc", nil},
	{"internal/encoder", nil},
	{"internal/vec", nil},
	{"internal/background", nil},
	{"internal/durable", nil},
	{"scripts", nil},
	{"split", []string{"github.com/rivo/uniseg"}},
	{"where", nil},
	{"internal/native", []string{"internal/durable", "scripts"}},
	{"hnswlib", []string{"csrc", "internal/durable"}},
	{"tokenizer", []string{"github.com/daulet/tokenizers"}},
	{"store", []string{"where", "modernc.org/sqlite", "modernc.org/sqlite/lib"}},
	{"onnx", []string{"internal/background", "internal/encoder", "internal/native", "tokenizer", "github.com/yalue/onnxruntime_go"}},
	{"", []string{"hnswlib", "internal/background", "internal/durable", "store", "where"}},
	{"internal/source", []string{"", "github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd", "github.com/parquet-go/parquet-go", "github.com/parquet-go/parquet-go/format", "go.yaml.in/yaml/v3"}},
	{"server", []string{"", "where"}},
	{"cmd/minnow-setup", []string{"internal/native"}},
	{"cmd/minnow", []string{
		"", "hnswlib", "internal/durable", "internal/native", "internal/source", "internal/vec", "onnx", "scripts", "server", "split", "where",
		"github.com/spf13/cobra", "github.com/spf13/cobra/doc", "charm.land/bubbletea/v2", "charm.land/bubbles/v2/textinput", "charm.land/lipgloss/v2",
		"github.com/charmbracelet/colorprofile", "github.com/dustin/go-humanize", "github.com/schollz/progressbar/v3",
		"github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd", "golang.org/x/term",
	}},
	{"internal/testkit", []string{"internal/native"}},
	{"internal/lint", nil},
	{"internal/consumer", nil},
}

// neverReach says what must not be linked into a program that imports a package, by any way.
var neverReach = map[string][]string{
	"":                 {module + "/internal/encoder", module + "/onnx", module + "/tokenizer", "net/http", "github.com/daulet/tokenizers", "github.com/yalue/onnxruntime_go"},
	"hnswlib":          {"net/http", "modernc.org/sqlite"},
	"cmd/minnow-setup": {"runtime/cgo"}, // it must build before there is anything for cgo to find
}

type goPackage struct {
	ImportPath string
	Dir        string
	Standard   bool
	CgoFiles   []string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Standard,CgoFiles,Imports,Deps"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// short is the import path as the tables above write it.
func short(path string) string {
	if path == module {
		return ""
	}
	return strings.TrimPrefix(path, module+"/")
}

// position is where the table has the package, or -1.
func position(name string) int {
	return slices.IndexFunc(mayImport, func(r rule) bool { return r.pkg == name })
}

func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func TestImportsGoOneWay(t *testing.T) {
	for i, r := range mayImport {
		for _, name := range r.names {
			if position(name) >= i {
				t.Errorf("the table lets %q import %q, which stands after it", r.pkg, name)
			}
		}
	}
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		i := position(name)
		if i < 0 {
			t.Errorf("package %q has no line in the table of imports", name)
			continue
		}
		for _, imported := range p.Imports {
			if isStandard(imported) || slices.Contains(mayImport[i].names, short(imported)) {
				continue
			}
			t.Errorf("%q imports %q, which the table does not let it", name, short(imported))
		}
	}
}

func TestWhatAUserLinks(t *testing.T) {
	for name, banned := range neverReach {
		for _, p := range list(t, "./"+name) {
			for _, dep := range p.Deps {
				if slices.Contains(banned, dep) {
					t.Errorf("%q reaches %s", name, dep)
				}
			}
		}
	}
}

func TestWhoTouchesC(t *testing.T) {
	may := []string{"csrc", "internal/encoder"}
	for _, p := range list(t, "./...") {
		if name := short(p.ImportPath); len(p.CgoFiles) > 0 && !slices.Contains(may, name) {
			t.Errorf(`%s imports "C" in %v; only %q may`, name, p.CgoFiles, may)
		}
	}
}
