package native

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minnow-search/minnow/scripts"
)

// Scripts is a folder with setup.sh and all that it reads, which the program carries within: it is made under Home, where
// it is not there yet.
func Scripts() (string, error) {
	home, err := Home()
	if err != nil {
		return "", err
	}
	dir, err := unpack(home)
	if err != nil {
		return "", fmt.Errorf("unpack the set-up scripts under %s: %w", home, err)
	}
	return dir, nil
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
