package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/internal/source"
	"github.com/minnow-search/minnow/onnx"
)

func newEmbed(sh *shell) *cobra.Command {
	var format string
	var asQuery bool
	cmd := &cobra.Command{
		Use:   "embed [TEXT...]",
		Short: "Turn texts into vectors",
		Long: `Embed writes the vector of each text to standard output: of the arguments, or else of the lines of standard input. It needs
no collection.`,
		Example: `  minnow embed "a small fish" | jq .embedding
  minnow embed --format npy < sentences.txt > vectors.npy`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if format != "jsonl" && format != "npy" {
				return faultf(errUsage, "--format is %q, and can be jsonl or npy", format)
			}
			if format == "npy" && isTerminal(cmd.OutOrStdout()) {
				return faultf(errUsage, "npy is no text for a terminal: send it to a file")
			}
			m, err := sh.openModel()
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, m.Close()) }()
			sh.say(cmd, "model %s, %d numbers a vector", m.Name(), m.Dim())
			texts := slices.Values(args)
			var failed error
			if len(args) == 0 {
				texts = lines(cmd.Context(), cmd.InOrStdin(), &failed)
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			e := &embedding{cmd: cmd, m: m, asQuery: asQuery}
			if format == "npy" {
				err = e.npy(out, texts)
			} else {
				err = e.jsonl(out, texts)
			}
			return errors.Join(err, failed, out.Flush())
		},
	}
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl (an object a line: text, embedding, truncated) or npy (a matrix)")
	cmd.Flags().BoolVar(&asQuery, "query", false, "as what is asked for, where the model has another prompt for that")
	return cmd
}

// lines yields the lines of a reader that aren't empty.
func lines(ctx context.Context, r io.Reader, failed *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		s, err := source.Open("-", source.Options{Format: source.Lines, Stdin: r})
		if err != nil {
			*failed = err
			return
		}
		defer s.Close()
		for row, err := range s.Rows(ctx) {
			if err != nil {
				*failed = fault{errData, err}
				return
			}
			if !yield(row.Text) {
				return
			}
		}
	}
}

type embedding struct {
	cmd     *cobra.Command
	m       *onnx.Model
	asQuery bool
}

// batches embeds texts some hundred at a time.
func (e *embedding) batches(texts iter.Seq[string], put func(texts []string, vectors [][]float32, truncated []bool) error) error {
	ctx := e.cmd.Context()
	for batch := range chunks(texts, 512) {
		vectors, truncated, err := e.embed(ctx, batch)
		if err == nil {
			err = put(batch, vectors, truncated)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (e *embedding) embed(ctx context.Context, texts []string) ([][]float32, []bool, error) {
	if !e.asQuery {
		return e.m.EmbedPassages(ctx, texts)
	}
	vectors, err := e.m.EmbedQueries(ctx, texts)
	return vectors, make([]bool, len(texts)), err // nobody asks questions that long
}

func chunks(texts iter.Seq[string], n int) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		var chunk []string
		for text := range texts {
			if chunk = append(chunk, text); len(chunk) == n {
				if !yield(chunk) {
					return
				}
				chunk = nil
			}
		}
		if len(chunk) > 0 {
			yield(chunk)
		}
	}
}

func (e *embedding) jsonl(out io.Writer, texts iter.Seq[string]) error {
	return e.batches(texts, func(texts []string, vectors [][]float32, truncated []bool) error {
		for i := range texts {
			err := printJSON(out, struct {
				Text      string    `json:"text"`
				Embedding []float32 `json:"embedding"`
				Truncated bool      `json:"truncated,omitempty"`
			}{texts[i], vectors[i], truncated[i]})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// npy keeps the vectors until their number is known, since the header has it.
func (e *embedding) npy(out io.Writer, texts iter.Seq[string]) error {
	var all [][]float32
	err := e.batches(texts, func(_ []string, vectors [][]float32, _ []bool) error {
		all = append(all, vectors...)
		return nil
	})
	if err != nil {
		return err
	}
	if err := source.WriteNPYHeader(out, len(all), e.m.Dim()); err != nil {
		return err
	}
	for _, v := range all {
		if err := binary.Write(out, binary.LittleEndian, v); err != nil {
			return err
		}
	}
	return nil
}
