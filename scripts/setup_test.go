package scripts_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minnow-search/minnow/scripts"
)

// sandbox is a MINNOW_HOME of its own, and a PATH with only the tools that a test puts there.
type sandbox struct {
	t         *testing.T
	home, bin string
}

// basics are the tools that setup.sh takes for granted on any Linux machine.
var basics = strings.Fields("bash cat cp cut dirname basename env flock mkdir mv rm sed sha256sum sleep tail touch uname grep tar")

func newSandbox(t *testing.T) *sandbox {
	s := &sandbox{t, filepath.Join(t.TempDir(), "a home with blanks"), t.TempDir()}
	for _, tool := range basics {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(s.bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// tool puts a shell script of that name on the PATH.
func (s *sandbox) tool(name, script string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.bin, name), []byte("#!/usr/bin/env bash\n"+script), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sandbox) command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, "bash"), append([]string{"setup.sh"}, args...)...)
	cmd.Env = append([]string{"PATH=" + s.bin, "HOME=" + s.t.TempDir(), "MINNOW_HOME=" + s.home}, env...)
	return cmd
}

func (s *sandbox) run(env []string, args ...string) (string, error) {
	out, err := s.command(env, args...).CombinedOutput()
	return string(out), err
}

// fill makes set-up believe that all parts are there.
func (s *sandbox) fill() {
	s.t.Helper()
	for _, name := range []string{
		"python-" + digest(s.t, "requirements.txt") + "/.complete",
		"hnswlib-" + pin(s.t, "HNSWLIB_VERSION") + "/include/hnswlib/hnswlib.h",
		"onnxruntime-" + pin(s.t, "ONNXRUNTIME_VERSION") + "/lib/libonnxruntime.so",
		"tokenizers-" + pin(s.t, "TOKENIZERS_VERSION") + "-" + digest(s.t, "tokenizers/Cargo.lock", "tokenizers/Cargo.toml") + "/lib/libtokenizers.a",
		"models/" + pin(s.t, "FALLBACK_NAME") + "/onnx/model.onnx",
	} {
		path := filepath.Join(s.home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func pin(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.Lines(scripts.Pins) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("pins.env has no %s", name)
	return ""
}

// digest is setup.sh's: the start of the sha256 of files put end to end.
func digest(t *testing.T, names ...string) string {
	t.Helper()
	sum := sha256.New()
	for _, name := range names {
		data, err := scripts.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(data)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:4])
}

func TestAMissingToolIsNamedWithHowToGetIt(t *testing.T) {
	s := newSandbox(t)
	out, err := s.run(nil)
	if err == nil || !strings.Contains(out, "python3 is missing: install Python 3.10 or newer") {
		t.Errorf("without python3: %v\n%s", err, out)
	}
	s.tool("python3", `[ "$1" = --version ] && echo Python 3.8.1; exit 1`)
	out, err = s.run(nil)
	if err == nil || !strings.Contains(out, "Python 3.8.1 is too old") {
		t.Errorf("with an old python3: %v\n%s", err, out)
	}
	s.tool("python3", `case $1 in -c) exit 0 ;; -m) exit 1 ;; esac`)
	out, err = s.run(nil)
	if err == nil || !strings.Contains(out, "apt-get install python3-venv") {
		t.Errorf("without venv: %v\n%s", err, out)
	}
	s.fill()
	if err := os.RemoveAll(filepath.Dir(filepath.Dir(glob(t, s.home, "tokenizers-*/lib/libtokenizers.a")))); err != nil {
		t.Fatal(err)
	}
	s.tool("go", "exit 1")
	out, err = s.run(nil)
	if err == nil || !strings.Contains(out, "cargo is missing: install Rust") || !strings.Contains(out, "MINNOW_TOKENIZERS_LIB") {
		t.Errorf("without cargo: %v\n%s", err, out)
	}
}

func glob(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: found %q, %v; want one", pattern, found, err)
	}
	return found[0]
}

func TestASecondRunHasNothingToDo(t *testing.T) {
	s := newSandbox(t)
	s.fill()
	for _, tool := range []string{"python3", "cargo", "go", "pip", "flock"} {
		os.Remove(filepath.Join(s.bin, tool))
		s.tool(tool, fmt.Sprintf("echo %s was called; exit 1", tool))
	}
	out, err := s.run(nil)
	if err != nil || strings.Contains(out, "was called") || !strings.Contains(out, "ready in "+s.home) {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(out, "all-MiniLM-L6-v2, in place of paraphrase-MiniLM-L6-v2") {
		t.Errorf("the fallback model is not said:\n%s", out)
	}
}

func TestAnUnknownModelSaysWhatItMayBe(t *testing.T) {
	s := newSandbox(t)
	s.fill()
	out, err := s.run([]string{"MINNOW_MODEL=mini"})
	if err == nil || !strings.Contains(out, "MINNOW_MODEL=mini is neither a folder, nor a Hugging Face repository") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = s.run([]string{"MINNOW_MODEL=" + t.TempDir()})
	if err == nil || !strings.Contains(out, "has neither onnx/model.onnx nor model.safetensors") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAPrebuiltTokenizersLibraryMustBeTheRightOne(t *testing.T) {
	s := newSandbox(t)
	s.fill()
	dir := t.TempDir()
	for name, content := range map[string]string{"other.a": "x", "old/libtokenizers.a": "tokenizers_version_1_0_0", "libtokenizers.a": "tokenizers_version_1_23_0"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"none.a":              "is not a file",
		"other.a":             "must name a file called libtokenizers.a",
		"old/libtokenizers.a": "has no symbol tokenizers_version_1_23_0",
		"libtokenizers.a":     "ready in",
	} {
		out, _ := s.run([]string{"MINNOW_TOKENIZERS_LIB=" + filepath.Join(dir, name)})
		if !strings.Contains(out, want) {
			t.Errorf("%s: want %q in\n%s", name, want, out)
		}
	}
	out, err := s.run([]string{"MINNOW_TOKENIZERS_LIB=" + filepath.Join(dir, "libtokenizers.a")}, "env")
	if err != nil || !strings.Contains(out, "-L"+dir+"'") {
		t.Errorf("env does not name its folder: %v\n%s", err, out)
	}
}

func TestEnvSurvivesAShellAndBlanksInPaths(t *testing.T) {
	s := newSandbox(t)
	s.fill()
	out, err := s.run(nil, "env")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	flags, err := exec.Command("bash", "-c", out+`printf '%s' "$CGO_CXXFLAGS"`).Output()
	if want := "-O2 -g '-I" + s.home + "/hnswlib-0.8.0/include'"; err != nil || string(flags) != want {
		t.Errorf("CGO_CXXFLAGS = %q, %v, want %q", flags, err, want)
	}
}

func TestTwoAtOnceWaitForEachOther(t *testing.T) {
	s := newSandbox(t)
	s.fill()
	if err := os.Remove(glob(t, s.home, "python-*/.complete")); err != nil {
		t.Fatal(err)
	}
	// A python3 that would show two at work: it fails if another one is between its first and its last line.
	s.tool("python3", `[ "$1" = -c ] && exit 0
		mkdir "$MINNOW_HOME/busy" || exit 1
		sleep 0.3
		rmdir "$MINNOW_HOME/busy"
		mkdir -p "$3/bin" && printf '#!/usr/bin/env bash\nexit 0\n' >"$3/bin/pip" && chmod +x "$3/bin/pip"`)
	for _, tool := range []string{"rmdir", "chmod"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(s.bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	results := make(chan string)
	for range 2 {
		go func() {
			out, err := s.run(nil)
			results <- fmt.Sprintf("%v\n%s", err, out)
		}()
	}
	for range 2 {
		select {
		case out := <-results:
			if !strings.HasPrefix(out, "<nil>") || !strings.Contains(out, "ready in") {
				t.Error(out)
			}
		case <-time.After(time.Minute):
			t.Fatal("they wait for ever")
		}
	}
}

func TestUnknownWordsGetTheUsage(t *testing.T) {
	out, err := newSandbox(t).run(nil, "instal")
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 2 || !strings.HasPrefix(out, "usage: setup.sh") {
		t.Errorf("%v\n%s", err, out)
	}
}
