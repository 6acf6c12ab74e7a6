package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"go.yaml.in/yaml/v3"
)

// folder reads a document a file: Markdown and plain text, in all folders below
// but hidden ones.
type folder struct {
	paths []string
	read  atomic.Int64 // files
}

var noteEndings = map[string]bool{".md": true, ".markdown": true, ".mdx": true, ".txt": true, ".text": true, ".rst": true, ".org": true, ".adoc": true}

func (s *Source) openFolder(o Options) error {
	if o.ID != "" || o.Text != nil || o.Labels != "" {
		return fmt.Errorf("%w: %s is a folder, and has no columns: a file is a document", ErrUsage, s.path)
	}
	f := &folder{}
	others := 0
	err := filepath.WalkDir(s.path, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != s.path && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case noteEndings[strings.ToLower(filepath.Ext(path))] && entry.Type().IsRegular():
			f.paths = append(f.paths, path)
		case !entry.IsDir():
			others++
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.records = f
	s.columns = &columns{id: "path", text: []string{"text"}, others: o.Meta == nil, meta: o.Meta}
	s.said = fmt.Sprintf("%d files of text, their paths as IDs", len(f.paths))
	if others > 0 {
		s.said += fmt.Sprintf("; %d other files are passed over", others)
	}
	return nil
}

func (f *folder) next() (record, error) {
	n := int(f.read.Load())
	if n == len(f.paths) {
		return record{}, io.EOF
	}
	f.read.Add(1)
	path := f.paths[n]
	data, err := os.ReadFile(path)
	if err != nil {
		return record{}, &BadRow{File: path, Reason: errors.Unwrap(err).Error()}
	}
	text, values := note(string(data), strings.HasPrefix(strings.ToLower(filepath.Ext(path)), ".m"))
	values["path"], values["text"] = path, text
	return record{values: values}, nil
}

// note takes the front matter off a note, and finds its title: the one that the
// front matter gives, or the first heading.
func note(text string, markdown bool) (string, map[string]any) {
	text = strings.TrimPrefix(text, "\ufeff")
	values := map[string]any{}
	if !markdown {
		return text, values
	}
	if rest, found := strings.CutPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "---\n"); found {
		if front, body, closed := strings.Cut(rest, "\n---\n"); closed {
			var parsed map[string]any
			// What is no YAML, or no JSON when read, is part of the text.
			if yaml.Unmarshal([]byte(front), &parsed) == nil && len(parsed) > 0 {
				maps.Copy(values, parsed)
				text = strings.TrimLeft(body, "\n")
			}
		}
	}
	if _, given := values["title"]; !given {
		for line := range strings.Lines(text) {
			if title, found := strings.CutPrefix(line, "# "); found {
				values["title"] = strings.TrimSpace(title)
				break
			}
		}
	}
	return text, values
}
