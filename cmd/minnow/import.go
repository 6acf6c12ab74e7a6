package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/internal/source"
)

// importing are the flags of import.
type importing struct {
	source.Options
	format string
	meta   []string
	noMeta bool
	stop   bool
	onBad  string
	madeBy string
	graph  minnow.Options
}

func newImport(sh *shell) *cobra.Command {
	im := &importing{}
	cmd := &cobra.Command{
		Use:   "import FILE|FOLDER|-...",
		Short: "Import documents from files, a folder of notes, or standard input",
		Long: `Import reads documents and says how it understood each file. Formats: JSON an object a line, or an array of objects; CSV
and TSV with a header; Parquet; plain text, a document a line; a folder of Markdown and text files, a document a file;
NumPy's .npy with vectors, whose documents --labels names. gzip and zstd are undone.

The columns of IDs and texts are found by their usual names, or chosen by --id and --text; all others are metadata, or
those of --meta. A document without an ID is known by its file and line. Long texts are split into passages.

What is imported is on the disk: after Ctrl-C, a full disk or a crash, run the same command again, and it goes on where
it was, without embedding anything twice. An ID that is there already gets the new text and metadata.`,
		Example: `  minnow import products.csv --id sku --text name,description
  minnow import notes/
  zcat dump.jsonl.gz | jq -c .body | minnow import -
  minnow import vectors.npy --labels documents.jsonl --made-by text-embedding-3-small`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error { return sh.importAll(cmd, paths, im) },
	}
	flags := cmd.Flags()
	flags.StringVar(&im.format, "format", "", "how documents are laid out: "+source.Formats()+" (default: by name and first bytes)")
	flags.StringVar(&im.ID, "id", "", "the column of IDs")
	flags.StringSliceVar(&im.Text, "text", nil, "the columns of texts, joined by empty lines")
	flags.StringSliceVar(&im.meta, "meta", nil, "the columns of metadata (default: all others)")
	flags.BoolVar(&im.noMeta, "no-meta", false, "no metadata")
	flags.StringVar(&im.onBad, "on-error", "stop", "at a row that is no document: stop, or skip it")
	flags.StringVar(&im.Labels, "labels", "", "the file of the documents that vectors belong to, in their order; or of IDs, one a line")
	flags.StringVar(&im.madeBy, "made-by", "", "what made the vectors; \"model\" is minnow's model, as of `minnow embed`, and then texts can be asked for")
	addGraphFlags(cmd, &im.graph)
	cmd.MarkFlagsMutuallyExclusive("meta", "no-meta")
	return cmd
}

func (sh *shell) importAll(cmd *cobra.Command, paths []string, im *importing) (err error) {
	if im.onBad != "stop" && im.onBad != "skip" {
		return faultf(errUsage, "--on-error is %q, and can be stop or skip", im.onBad)
	}
	im.stop = im.onBad == "stop"
	im.Format, im.Meta, im.Stdin = source.Format(im.format), im.meta, cmd.InOrStdin()
	if im.noMeta {
		im.Meta = []string{}
	}
	sources := make([]*source.Source, 0, len(paths))
	defer func() {
		for _, s := range sources {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, path := range paths {
		s, err := source.Open(path, im.Options)
		if err != nil {
			return fault{errData, err} // a wrong option is told apart by itself
		}
		sources = append(sources, s)
		sh.say(cmd, "%s", s)
		if s.Dim() != sources[0].Dim() {
			return faultf(errUsage, "%s and %s can't be imported together: texts, and vectors of each length, are imports of their own", paths[0], path)
		}
	}
	a := access{write: true, create: true, Options: im.graph}
	if err := sh.forVectors(&a, sources[0].Dim(), im.madeBy); err != nil {
		return err
	}
	return sh.with(cmd, a, func(c *opened) error {
		r := &importRun{importing: im, sh: sh, cmd: cmd, c: c}
		for _, s := range sources {
			if err := r.source(cmd.Context(), s); err != nil {
				return r.failed(err)
			}
		}
		return r.print()
	})
}

// forVectors says what embeds an import: nothing, if it brings its vectors.
func (sh *shell) forVectors(a *access, dim int, madeBy string) error {
	switch {
	case dim == 0 && madeBy != "":
		return faultf(errUsage, "--made-by is about vectors, and these are texts, of which minnow's model makes vectors")
	case dim == 0 || madeBy == "model":
		a.model = true
	case madeBy != "":
		a.embedder = minnow.OwnVectors(dim, madeBy)
	default:
		if exists, err := sh.exists(); err != nil || exists {
			return err // the collection knows
		}
		a.embedder = minnow.OwnVectors(dim, "own vectors")
	}
	return nil
}

// importRun is an import under way.
type importRun struct {
	*importing
	sh    *shell
	cmd   *cobra.Command
	c     *opened
	stats minnow.ImportStats
	bad   int
	err   error        // why reading ended early
	read  atomic.Int64 // documents
}

func (r *importRun) source(ctx context.Context, s *source.Source) error {
	done := r.stats.Documents
	before := r.read.Load()
	r.c.bar.total = func() int { return estimate(s, r.read.Load()-before) }
	var stats minnow.ImportStats
	var err error
	if s.Dim() > 0 {
		stats, err = r.vectors(ctx, s)
	} else {
		stats, err = r.c.AddSeq(ctx, r.documents(ctx, s))
	}
	r.stats.Documents = done + stats.Documents
	r.stats.Embedded += stats.Embedded
	if err == nil {
		err = r.err
	}
	return err
}

// estimate is how many documents a source comes to, going by those read so far;
// 0 if there is no telling.
func estimate(s *source.Source, documents int64) int {
	read, of := s.Read()
	if read == 0 || of == 0 || documents == 0 {
		return 0
	}
	return int(float64(documents) * max(1, float64(of)/float64(read)))
}

// rows yields the good rows, and deals with the bad ones.
func (r *importRun) rows(ctx context.Context, s *source.Source) iter.Seq[source.Row] {
	return func(yield func(source.Row) bool) {
		for row, err := range s.Rows(ctx) {
			bad, isBad := errors.AsType[*source.BadRow](err)
			switch {
			case err == nil:
				r.read.Add(1)
				if !yield(row) {
					return
				}
			case isBad && !r.stop:
				r.skip(bad)
			case isBad:
				r.err = faultf(errData, "%w; --on-error skip goes on without it", err)
				return
			default:
				r.err = fault{errData, err}
				return
			}
		}
	}
}

// namedRows is how many bad rows are named.
const namedRows = 100

func (r *importRun) skip(bad *source.BadRow) {
	r.bad++
	switch {
	case r.bad <= namedRows:
		r.c.bar.above(fmt.Sprintf("minnow: skipped: %v", bad))
	case r.bad == namedRows+1:
		r.c.bar.above("minnow: more rows are skipped, and only counted")
	}
}

func (r *importRun) documents(ctx context.Context, s *source.Source) iter.Seq[minnow.Document] {
	return func(yield func(minnow.Document) bool) {
		for row := range r.rows(ctx, s) {
			if !yield(row.Document) {
				return
			}
		}
	}
}

// vectors adds documents that bring their vectors, a thousand at a time.
func (r *importRun) vectors(ctx context.Context, s *source.Source) (stats minnow.ImportStats, err error) {
	var docs []minnow.Document
	var vectors [][]float32
	put := func() error {
		err := r.c.AddVectors(ctx, docs, vectors)
		if err == nil {
			stats.Documents += len(docs)
			docs, vectors = docs[:0], vectors[:0]
		}
		return err
	}
	for row := range r.rows(ctx, s) {
		docs, vectors = append(docs, row.Document), append(vectors, row.Vector)
		if len(docs) == 1000 {
			if err := put(); err != nil {
				return stats, err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return stats, err
	}
	return stats, put()
}

// failed adds to an error what was done before.
func (r *importRun) failed(err error) error {
	stored := count(r.stats.Documents)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w; %s documents of this import are stored, and the same command goes on from there", context.Canceled, stored)
	}
	return fmt.Errorf("%w (%s documents of this import are stored, and the same command goes on from there)", err, stored)
}

func (r *importRun) print() error {
	err := r.sh.printFields(r.cmd, struct {
		Documents int `json:"documents"`
		Embedded  int `json:"embedded"`
		Skipped   int `json:"skipped"`
	}{r.stats.Documents, r.stats.Embedded, r.bad}, [][]string{{fmt.Sprintf("%s documents stored, %s of them embedded, %s rows skipped",
		count(r.stats.Documents), count(r.stats.Embedded), count(r.bad))}})
	if err == nil && r.stats.Documents == 0 && r.bad > 0 {
		err = faultf(errData, "no row is a document")
	}
	return err
}
