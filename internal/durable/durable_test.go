package durable

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func write(content string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}
}

func TestReplaceIsAllOrNothingWhateverFails(t *testing.T) {
	broken := errors.New("broken")
	for step := int64(0); ; step++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		if err := Replace(OS{}, path, write("old")); err != nil {
			t.Fatal(err)
		}
		fs := &Faulty{At: step, Err: broken}
		err := Replace(fs, path, write("new"))
		content, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		if err == nil {
			if string(content) != "new" || fs.Reached() || step < 6 {
				t.Errorf("without a fault: %q after %d steps", content, step)
			}
			return
		}
		// Only the folder's sync comes after the rename.
		if !errors.Is(err, broken) || string(content) != "old" && step < 5 {
			t.Errorf("step %d: %q, %v", step, content, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("step %d left %v, %v", step, entries, err)
		}
	}
}

func TestReplaceKeepsLinksAndRefusesDevices(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := errors.Join(Replace(OS{}, target, write("old")), os.Symlink(target, link), Replace(OS{}, link, write("new"))); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(target); err != nil || string(content) != "new" {
		t.Errorf("through a link: %q, %v", content, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().IsRegular() {
		t.Errorf("the link became a file: %v, %v", info, err)
	}
	if err := Replace(OS{}, os.DevNull, write("x")); err == nil {
		t.Error("a device was replaced")
	}
}

func TestMakeDirMakesWhatIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := MakeDir(OS{}, dir); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v, want 0700", info.Mode(), err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MakeDir(OS{}, filepath.Join(file, "c")); err == nil {
		t.Error("a folder below a file was made")
	}
}
