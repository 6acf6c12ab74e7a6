// Package native knows where scripts/setup.sh puts the native parts and the model, so that a program finds at run time
// what set-up made. It looks in the same places in the same order as the script, and downloads nothing.
package native

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/minnow-search/minnow/internal/durable"
	"github.com/minnow-search/minnow/scripts"
)

// SetupHint is how a user gets a missing part; errors end with it.
const SetupHint = "run `make setup` in the repository, or `go run github.com/minnow-search/minnow/cmd/minnow-setup` in a module that imports it"

// Home is the folder that set-up fills: $MINNOW_HOME, or minnow in the user's cache folder.
func Home() (string, error) {
	if home := os.Getenv("MINNOW_HOME"); home != "" {
		return filepath.Abs(home)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder (name another in MINNOW_HOME): %w", err)
	}
	return filepath.Join(cache, "minnow"), nil
}

// beside is a place that a package or an image put next to the running binary: bin/minnow has lib/minnow and
// share/minnow beside its folder. It need not exist; it is "" if nobody knows where the binary is.
func beside(path ...string) string {
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		return ""
	}
	return filepath.Join(append([]string{filepath.Dir(exe), ".."}, path...)...)
}

// Runtime is the ONNX Runtime library to load: $MINNOW_ONNXRUNTIME, else one in ../lib/minnow beside the running binary
// (where a package or an image puts it), else the one that set-up fetched. The file exists when the error is nil.
func Runtime() (string, error) {
	if path := os.Getenv("MINNOW_ONNXRUNTIME"); path != "" {
		if !isFile(path) {
			return "", fmt.Errorf("MINNOW_ONNXRUNTIME names %s, which is not a file", path)
		}
		return path, nil
	}
	if path := beside("lib", "minnow", libraryName()); isFile(path) {
		return path, nil
	}
	home, err := Home()
	if err != nil {
		return "", err
	}
	path := filepath.Join(home, "onnxruntime-"+pin("ONNXRUNTIME_VERSION"), "lib", libraryName())
	if !isFile(path) {
		return "", fmt.Errorf("the ONNX Runtime library is missing at %s: %s", path, SetupHint)
	}
	return path, nil
}

// Model is the folder of the model called name: a folder as it is, or a name under Home's models or those that came with
// the running binary. An empty name means $MINNOW_MODEL, or else the one that Choose chose, or else the default model, or else its fallback. The folder exists
// when the error is nil.
func Model(name string) (string, error) {
	if name == "" {
		name = os.Getenv("MINNOW_MODEL")
	}
	if name != "" && isDir(name) {
		return filepath.Abs(name)
	}
	home, err := Home()
	if err != nil {
		return "", err
	}
	if name == "" {
		chosen, err := os.ReadFile(filepath.Join(home, chosenName))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("read which model was chosen: %w", err)
		}
		if name = strings.TrimSpace(string(chosen)); isDir(name) {
			return name, nil
		}
	}
	names := []string{name}
	if name == "" {
		names = []string{DefaultModel(), pin("FALLBACK_NAME")}
	}
	for _, name := range names {
		for _, models := range []string{filepath.Join(home, "models"), beside("share", "minnow", "models")} {
			if dir := filepath.Join(models, name); models != "" && isDir(dir) {
				return dir, nil
			}
		}
	}
	return "", fmt.Errorf("no model %q: neither a folder nor under %s; %s", names[0], filepath.Join(home, "models"), SetupHint)
}

// chosenName is the file of Home that has the chosen model's name or folder. setup.sh reads it, too.
const chosenName = "chosen-model"

// Choose makes a model the one that an empty name means, from now on. It must be there.
func Choose(name string) error {
	dir, err := Model(name)
	if err != nil {
		return err
	}
	if isDir(name) {
		name = dir // whatever folder is current later
	}
	home, err := Home()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	return durable.Replace(durable.OS{}, filepath.Join(home, chosenName), func(w io.Writer) error {
		_, err := fmt.Fprintln(w, name)
		return err
	})
}

// Models are the names of the models under Home, and of those that came with the running binary, in order.
func Models() ([]string, error) {
	home, err := Home()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, models := range []string{filepath.Join(home, "models"), beside("share", "minnow", "models")} {
		if models == "" {
			continue
		}
		for _, depth := range []string{"*", "*/*"} { // a name, or owner/name
			configs, err := filepath.Glob(filepath.Join(models, depth, "config.json"))
			if err != nil {
				return nil, err
			}
			for _, config := range configs {
				name, err := filepath.Rel(models, filepath.Dir(config))
				if err != nil {
					return nil, err
				}
				names = append(names, filepath.ToSlash(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Fetchable are the names of models that set-up knows where to get, in order.
func Fetchable() []string {
	names := []string{DefaultModel(), pin("FALLBACK_NAME")}
	for line := range strings.Lines(scripts.Models) {
		if name, _, found := strings.Cut(line, "\t"); found && !strings.HasPrefix(line, "#") {
			names = append(names, name)
		}
	}
	return names
}

// DefaultModel is the name of the model that minnow is made for.
func DefaultModel() string { return pin("MODEL_NAME") }

// HnswlibVersion and TokenizersVersion are those of what set-up builds against.
func HnswlibVersion() string    { return pin("HNSWLIB_VERSION") }
func TokenizersVersion() string { return pin("TOKENIZERS_VERSION") }

// RuntimeVersion is the version of ONNX Runtime that set-up fetches.
func RuntimeVersion() string { return pin("ONNXRUNTIME_VERSION") }

func pin(name string) string {
	for line := range strings.Lines(scripts.Pins) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	panic("native: scripts/pins.env has no " + name)
}

func libraryName() string {
	if runtime.GOOS == "darwin" {
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
