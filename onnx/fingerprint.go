package onnx

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

// fingerprint names weights and tokenizer by content: 16 hexadecimal digits of a sha256. Our exporter notes in the graph
// which weights it was made from; that counts rather than the graph itself, so that exporting anew with a newer exporter
// leaves collections valid. A graph without the note counts as a file.
func fingerprint(n *network, f *folder) (string, error) {
	sum := sha256.New()
	files := []string{f.tokenizer()}
	if n.source != "" {
		fmt.Fprintln(sum, Exact, n.source) // of all presets
	} else {
		files = append(files, f.graph)
	}
	if f.lowerCase {
		fmt.Fprintln(sum, "lower case")
	}
	for _, path := range files {
		if err := hashFile(sum, path); err != nil {
			return "", fmt.Errorf("fingerprint the model: %w", err)
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8]), nil
}

func hashFile(sum io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(sum, file)
	return err
}
