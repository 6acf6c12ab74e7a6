package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/internal/durable"
	"github.com/minnow-search/minnow/internal/source"
)

func newExport(sh *shell) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write all documents, their vectors, or the graph",
		Long: `Export writes the collection for other programs; the format goes by the file's name, or --format:

  jsonl     documents, one a line: id, text, metadata. To standard output without a file; .gz and .zst compress
  npy       the vectors, a NumPy matrix of float32, and FILE.labels.jsonl with a line for each: its document and passage
  hnswlib   the graph in hnswlib's own format (.hnsw, .bin), for Python, Elixir and C++, and FILE.labels.jsonl

Each is what minnow import reads, but for the graph, which Go programs import.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := ""
			if len(args) == 1 && args[0] != "-" {
				file = args[0]
			}
			format, err := exportFormat(format, file)
			if err != nil {
				return err
			}
			return sh.with(cmd, access{}, func(c *opened) error {
				if file == "" {
					return exportDocuments(cmd.Context(), c, cmd.OutOrStdout())
				}
				what, err := sh.exportTo(cmd.Context(), c, format, file)
				if err != nil {
					return toWrite(err)
				}
				return sh.printFields(cmd, struct {
					File   string `json:"file"`
					Format string `json:"format"`
				}{file, format}, [][]string{{what + " in " + tilde(file)}})
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "jsonl, npy or hnswlib")
	return cmd
}

func exportFormat(format, file string) (string, error) {
	base := strings.TrimSuffix(strings.TrimSuffix(file, ".gz"), ".zst")
	guess := map[string]string{"": "jsonl", ".jsonl": "jsonl", ".ndjson": "jsonl", ".npy": "npy", ".hnsw": "hnswlib", ".bin": "hnswlib"}
	format = cmp.Or(format, guess[filepath.Ext(base)])
	switch {
	case format != "jsonl" && format != "npy" && format != "hnswlib":
		return "", faultf(errUsage, "which format? %q doesn't tell; --format can be jsonl, npy or hnswlib", file)
	case format != "jsonl" && file == "":
		return "", faultf(errUsage, "%s needs a file, since it is two: the second has the labels", format)
	case format != "jsonl" && base != file:
		return "", faultf(errUsage, "%s is not compressed", format)
	}
	return format, nil
}

// exportTo writes a file, which appears whole or not at all.
func (sh *shell) exportTo(ctx context.Context, c *opened, format, file string) (what string, err error) {
	switch format {
	case "hnswlib":
		what = fmt.Sprintf("graph of %s vectors, space %s, dimension %d", count(c.Stats().Passages), c.Stats().Space, c.Stats().Dim)
		return what, c.ExportIndex(ctx, file)
	case "npy":
		what = fmt.Sprintf("%s vectors of %d numbers", count(c.Stats().Passages), c.Stats().Dim)
		return what, exportVectors(ctx, c, file)
	}
	what = count(c.Len()) + " documents"
	return what, durable.Replace(durable.OS{}, file, func(w io.Writer) error {
		switch filepath.Ext(file) {
		case ".gz":
			return through(gzip.NewWriter(w), func(w io.Writer) error { return exportDocuments(ctx, c, w) })
		case ".zst":
			z, err := zstd.NewWriter(w)
			if err != nil {
				return err
			}
			return through(z, func(w io.Writer) error { return exportDocuments(ctx, c, w) })
		default:
			return exportDocuments(ctx, c, w)
		}
	})
}

// through writes by way of a compressor.
func through(z io.WriteCloser, write func(io.Writer) error) error {
	if err := write(z); err != nil {
		return err
	}
	return z.Close()
}

func exportDocuments(ctx context.Context, c *opened, w io.Writer) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	for d, err := range c.All(ctx) {
		if err == nil {
			err = printJSON(buffered, d)
		}
		if err != nil {
			return err
		}
	}
	return buffered.Flush()
}

// exportVectors writes the matrix and its labels from one look at the
// collection, so that they agree.
func exportVectors(ctx context.Context, c *opened, file string) error {
	n := c.Stats().Passages
	return durable.Replace(durable.OS{}, file, func(matrix io.Writer) error {
		return durable.Replace(durable.OS{}, file+".labels.jsonl", func(labels io.Writer) error {
			numbers, lines := bufio.NewWriterSize(matrix, 1<<16), bufio.NewWriterSize(labels, 1<<16)
			if err := source.WriteNPYHeader(numbers, n, c.Stats().Dim); err != nil {
				return err
			}
			rows := 0
			for p, err := range c.Passages(ctx) {
				if err == nil {
					err = binary.Write(numbers, binary.LittleEndian, p.Vector)
				}
				if err == nil {
					err = printJSON(lines, struct {
						Label int    `json:"label"`
						ID    string `json:"id"`
						Start int    `json:"start"`
						End   int    `json:"end"`
					}{rows, p.ID, p.Start, p.End})
				}
				if err != nil {
					return err
				}
				rows++
			}
			if rows != n {
				return fmt.Errorf("the collection grew from %d vectors to %d meanwhile; try again", n, rows)
			}
			if err := numbers.Flush(); err != nil {
				return err
			}
			return lines.Flush()
		})
	})
}
