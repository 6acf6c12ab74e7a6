package minnow

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"regexp"

	"github.com/minnow-search/minnow/hnswlib"
	"github.com/minnow-search/minnow/internal/durable"
	"github.com/minnow-search/minnow/store"
)

// manifest describes a graph file to other programs. minnow itself goes by what
// the store says.
type manifest struct {
	Format         int    `json:"format"`
	File           string `json:"file"`
	Bytes          int64  `json:"bytes"`
	CRC32C         string `json:"crc32c"`
	Sequence       uint64 `json:"sequence"`
	Count          int    `json:"count"`
	Space          string `json:"space"`
	Dim            int    `json:"dim"`
	M              int    `json:"m"`
	EfConstruction int    `json:"ef_construction"`
	Model          string `json:"model"`
}

const manifestFormat = 1

func graphName(sequence uint64) string    { return fmt.Sprintf("index-%d.hnsw", sequence) }
func manifestName(sequence uint64) string { return fmt.Sprintf("index-%d.json", sequence) }

// graphPattern matches what graphName and manifestName give, and the temporary
// files that a crash may leave of them.
var graphPattern = regexp.MustCompile(`^(index-[0-9]+\.(hnsw|json)|\.index-[0-9]+\.(hnsw|json)\..*\.tmp)$`)

// graphFiles lists the graphs and manifests in a folder, finished or not.
func graphFiles(files durable.FS, dir string) ([]string, error) {
	entries, err := files.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if graphPattern.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Save writes the graph to the folder, so that the next [Open] need not make it
// again. It is not what makes documents durable, unless Options.DeferSync asked
// for that; it saves time, not data. It does nothing if nothing changed.
//
// The write takes effect as a whole: whenever a crash comes, the old graph or
// the new one is good. Adds and deletes wait meanwhile, queries don't. A graph
// of which more than half is deleted documents is freed of them first, which
// takes as long as adding the others did. The context is heeded up to the
// writing.
func (c *Collection) Save(ctx context.Context) error {
	if err := c.enterToWrite(); err != nil {
		return wrap("save", err)
	}
	defer c.leave()
	if err := c.takeTurn(ctx); err != nil {
		return wrap("save", err)
	}
	defer c.endTurn()
	if err := c.heal(ctx, "the one in memory failed"); err != nil {
		return wrap("save", err)
	}
	return wrap("save", c.save(ctx))
}

// save writes the graph. The caller holds the turn, or Close's lock, and has
// seen that there is one.
//
// The store's record comes last of what matters: until it is committed, the
// store names the graph before, whose files are still there.
func (c *Collection) save(ctx context.Context) error {
	sequence := c.store.Sequence()
	if c.saved.Load() == sequence {
		return nil
	}
	ix := c.graph.Load()
	if err := c.shed(ix); err != nil {
		return err
	}
	crc, bytes, err := c.writeGraph(ix, filepath.Join(c.dir, graphName(sequence)))
	if err != nil {
		return err
	}
	m, err := json.MarshalIndent(manifest{
		Format: manifestFormat, File: graphName(sequence), Bytes: bytes, CRC32C: fmt.Sprintf("%08x", crc),
		Sequence: sequence, Count: ix.Len(), Space: c.spec.space.String(), Dim: c.spec.dim,
		M: c.spec.m, EfConstruction: c.spec.efConstruction, Model: c.spec.model,
	}, "", "  ")
	if err != nil {
		return err
	}
	err = durable.Replace(c.files, filepath.Join(c.dir, manifestName(sequence)), func(w io.Writer) error {
		_, err := w.Write(append(m, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	if err := c.store.SetGraph(ctx, store.Graph{Sequence: sequence, CRC32C: crc}); err != nil {
		return err
	}
	c.saved.Store(sequence)
	c.sweep(sequence)
	return nil
}

// writeGraph puts the graph into a file, and returns its checksum and length.
func (c *Collection) writeGraph(ix *hnswlib.Index, path string) (crc uint32, bytes int64, err error) {
	sum := crc32.New(castagnoli)
	err = durable.Replace(c.files, path, func(w io.Writer) error {
		bytes, err = ix.WriteTo(io.MultiWriter(w, sum))
		return err
	})
	return sum.Sum32(), bytes, err
}

// shed frees a graph of its deleted nodes once they are the greater part. They
// cost memory, and time in every query.
func (c *Collection) shed(ix *hnswlib.Index) error {
	const worthIt = 1000 // fewer don't matter
	if deleted := ix.DeletedLen(); deleted < worthIt || deleted < ix.Len() {
		return nil
	}
	return ix.Compact()
}

// sweep removes the graph files of other sequences. What can't be removed does
// no harm, since the store doesn't name it.
func (c *Collection) sweep(keep uint64) {
	names, err := graphFiles(c.files, c.dir)
	if err != nil {
		c.log.Warn("look for old graph files", "error", err)
	}
	for _, name := range names {
		if name == graphName(keep) || name == manifestName(keep) {
			continue
		}
		if err := c.files.Remove(filepath.Join(c.dir, name)); err != nil {
			c.log.Warn("remove old graph file", "error", err)
		}
	}
}
