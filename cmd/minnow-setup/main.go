// Command minnow-setup prepares a machine to build programs that import minnow. It needs no C compiler itself.
//
//	go run github.com/minnow-search/minnow/cmd/minnow-setup               # fetch and build the native parts, once
//	eval "$(go run github.com/minnow-search/minnow/cmd/minnow-setup env)"  # the build environment, in every shell
//
// It carries scripts/setup.sh and the files beside it, unpacks them under $MINNOW_HOME, and runs them with bash.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/scripts"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "minnow-setup:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	home, err := native.Home()
	if err != nil {
		return err
	}
	dir, err := unpack(home)
	if err != nil {
		return fmt.Errorf("unpack the set-up scripts under %s: %w", home, err)
	}
	cmd := exec.Command("bash", append([]string{filepath.Join(dir, "setup.sh")}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// unpack writes the scripts into a folder named after their content. Two may do so at once: each file appears whole,
// by a rename, and is the same whoever wrote it.
func unpack(home string) (string, error) {
	sum := sha256.New()
	files := map[string][]byte{}
	err := fs.WalkDir(scripts.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := scripts.FS.ReadFile(path)
		files[path] = data
		fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
		return err
	})
	if err != nil {
		return "", err
	}
	dir := filepath.Join(home, fmt.Sprintf("scripts-%x", sum.Sum(nil)[:4]))
	for path, data := range files {
		if err := writeOnce(filepath.Join(dir, path), data); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func writeOnce(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already if the rename went well
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
