package minnow

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/durable"
)

// labelsSuffix is what the file of labels has after the name of an index.
const labelsSuffix = ".labels.jsonl"

// labelLine says in that file which document a label of the index is of. Text
// and metadata are for imports; exports leave them to the collection.
type labelLine struct {
	Label    uint64         `json:"label"`
	ID       string         `json:"id"`
	Start    int            `json:"start,omitempty"`
	End      int            `json:"end,omitempty"`
	Text     string         `json:"text,omitempty"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// ExportIndex writes the graph to path, in the format of hnswlib's own
// save_index, and beside it path.labels.jsonl with one line for each vector:
//
//	{"label": 7, "id": "minnow", "start": 0, "end": 24}
//
// Python and Elixir load the first with the collection's space and dimension
// (see [Collection.Stats]), and find by the second whose label they got; start
// and end are the passage in bytes. Each file appears whole or not at all; adds
// and deletes wait meanwhile.
func (c *Collection) ExportIndex(ctx context.Context, path string) error {
	if err := c.enter(); err != nil {
		return wrap("export", err)
	}
	defer c.leave()
	if err := c.follow(ctx); err != nil {
		return wrap("export", err)
	}
	if err := c.takeTurn(ctx); err != nil {
		return wrap("export", err)
	}
	defer c.endTurn()
	if err := c.heal(ctx, "the one in memory failed"); err != nil {
		return wrap("export", err)
	}
	if _, _, err := c.writeGraph(c.graph.Load(), path); err != nil {
		return wrap("export", err)
	}
	return wrap("export", durable.Replace(c.files, path+labelsSuffix, func(w io.Writer) error {
		return c.writeLabels(ctx, w)
	}))
}

func (c *Collection) writeLabels(ctx context.Context, w io.Writer) error {
	buffered := bufio.NewWriter(w)
	enc := json.NewEncoder(buffered)
	enc.SetEscapeHTML(false)
	for p, err := range c.store.AllPassages(ctx, false) {
		if err == nil {
			err = enc.Encode(labelLine{Label: p.Label, ID: p.ID, Start: p.Start, End: p.End})
		}
		if err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// ImportIndex adds the vectors of a file that hnswlib wrote: minnow's
// ExportIndex, or save_index of Python, Elixir or C++. Whose they are is said in
// path.labels.jsonl, one line a label as in [Collection.ExportIndex], with
// "text" and "metadata" if there are any; without that file, the IDs are the
// labels in decimal. The vectors are linked into the collection's own graph. It
// returns how many documents were added; those are durable even if it fails.
//
// The index must be of the collection's space and dimension. Under [Cosine] its
// vectors have length 1, as hnswlib keeps them. Several labels of one ID, which
// split texts have, are [ErrInvalid]: for those there is Backup.
func (c *Collection) ImportIndex(ctx context.Context, path string) (added int, err error) {
	if err := c.enterToWrite(); err != nil {
		return 0, wrap("import", err)
	}
	defer c.leave()
	added, err = c.importIndex(ctx, path)
	return added, wrap("import "+path, err)
}

func (c *Collection) importIndex(ctx context.Context, path string) (added int, err error) {
	lines, err := readLabels(path + labelsSuffix)
	if err != nil {
		return 0, err
	}
	ix, err := hnswlib.Load(path, c.spec.space, c.spec.dim, nil)
	if errors.Is(err, hnswlib.ErrCorrupt) || errors.Is(err, hnswlib.ErrDimension) {
		err = fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err != nil {
		return 0, err
	}
	defer ix.Close()
	var docs []Document
	var vectors [][]float32
	put := func() error {
		l, err := c.loadOf(docs, vectors)
		if err == nil {
			_, err = c.add(ctx, l)
		}
		if err == nil {
			added += len(docs)
			docs, vectors = nil, nil
		}
		return err
	}
	for label, vector := range ix.All() {
		line, listed := lines[label]
		switch {
		case lines == nil:
			line.ID = strconv.FormatUint(label, 10)
		case !listed:
			return added, fmt.Errorf("%w: %s has no line for label %d", ErrInvalid, path+labelsSuffix, label)
		}
		docs = append(docs, Document{ID: line.ID, Text: line.Text, Metadata: line.Metadata})
		vectors = append(vectors, vector)
		if len(docs) >= loadDocuments {
			if err := put(); err != nil {
				return added, err
			}
		}
	}
	return added, put()
}

// readLabels reads a file of labels; it is nil if there is none.
func readLabels(path string) (map[uint64]labelLine, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := make(map[uint64]labelLine)
	ids := make(map[string]bool)
	dec := json.NewDecoder(bufio.NewReader(f))
	dec.UseNumber()
	for n := 1; ; n++ {
		var line labelLine
		if err := dec.Decode(&line); err == io.EOF {
			return lines, nil
		} else if err != nil {
			return nil, fmt.Errorf("%w: %s, line %d: %w", ErrInvalid, path, n, err)
		}
		if ids[line.ID] {
			return nil, fmt.Errorf("%w: %s, line %d: the ID %q has several labels", ErrInvalid, path, n, line.ID)
		}
		ids[line.ID] = true
		lines[line.Label] = line
	}
}
