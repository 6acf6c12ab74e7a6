package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/onnx"
)

//go:embed demo.txt
var demoTexts string

// demoQuestions share no telling word with the sentence that answers them.
var demoQuestions = []string{
	"How do plants feed themselves?",
	"something went wrong with my payment",
	"Which animal finds its prey in the dark?",
}

func newDemo(sh *shell) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Compute the published walk-through, then search a page of sentences",
		Long: `Demo embeds a few words, indexes them and asks for the nearest, and prints every figure beside the published one;
it fails if one is off by more than ` + fmt.Sprint(tolerance) + `. Then it puts a page of sentences into a collection and asks three
questions. It uses the model of --model.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				tmp, err := os.MkdirTemp("", "minnow-demo-")
				if err != nil {
					return err
				}
				defer os.RemoveAll(tmp)
				dir = tmp
			} else if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			m, err := sh.openModel()
			if err != nil {
				return err
			}
			return errors.Join(demo(cmd.Context(), cmd.OutOrStdout(), m, dir), m.Close())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "keep my_index.bin and the collection in this folder (default: a temporary one)")
	return cmd
}

func demo(ctx context.Context, out io.Writer, m *onnx.Model, dir string) error {
	fmt.Fprintf(out, "Model: %s, %d numbers a vector, texts of up to %d tokens.\n", m.Name(), m.Dim(), m.MaxTokens())
	published := m.Name() == native.DefaultModel()
	if !published {
		fmt.Fprintf(out, "NOTE: this is not %s, to which the published figures belong; here are this model's own.\n"+
			"      For the published ones, on a machine that reaches Hugging Face:\n"+
			"      MINNOW_MODEL=%[1]s make demo\n", native.DefaultModel())
	}

	figures, err := walk(ctx, m, dir)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nThe walk-through")
	if err := printFigures(out, figures, published); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nA collection of sentences, asked in plain words")
	return askQuestions(ctx, out, m, filepath.Join(dir, "collection"))
}

func printFigures(out io.Writer, figures []figure, published bool) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	header := "step\tours"
	if published {
		header += "\tpublished\tdifference"
	}
	fmt.Fprintln(table, header)
	wrong := 0
	for _, f := range figures {
		fmt.Fprintf(table, "%s\t%s", f.step, numbers(f.got))
		if published {
			fmt.Fprintf(table, "\t%s\t%.1e", numbers(f.published), f.off())
			if !(f.off() <= tolerance) {
				fmt.Fprint(table, "  WRONG")
				wrong++
			}
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d figures are off by more than %g from the published ones; is %s/models/%s intact? Delete it and run `make setup`",
			wrong, len(figures), tolerance, "$MINNOW_HOME", native.DefaultModel())
	}
	return nil
}

// numbers prints whole numbers as such, and others with the nine digits that tell any two float32 apart.
func numbers(values []float64) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = strconv.FormatFloat(v, 'g', 9, 64)
	}
	return strings.Join(words, ", ")
}

func askQuestions(ctx context.Context, out io.Writer, m *onnx.Model, dir string) error {
	c, err := minnow.Open(dir, m, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	var docs []minnow.Document
	for i, line := range strings.Split(strings.TrimSpace(demoTexts), "\n") {
		docs = append(docs, minnow.Document{ID: fmt.Sprintf("sentence-%02d", i+1), Text: line})
	}
	if err := c.Add(ctx, docs...); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d sentences added.\n", len(docs))
	for _, question := range demoQuestions {
		hits, err := c.KNNQuery(ctx, question, &minnow.Query{K: 3})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s\n", question)
		for _, hit := range hits {
			fmt.Fprintf(out, "  %.3f  %s\n", hit.Similarity, hit.Text)
		}
	}
	return c.Close()
}
