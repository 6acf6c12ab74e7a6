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
			r, err := demo(cmd.Context(), m, dir)
			if err = errors.Join(err, m.Close()); err != nil {
				return err
			}
			if sh.json {
				return errors.Join(printJSON(cmd.OutOrStdout(), r), r.wrong())
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "keep my_index.bin and the collection in this folder (default: a temporary one)")
	return cmd
}

// demoResult is what the demo computed.
type demoResult struct {
	Model     string       `json:"model"`
	Dim       int          `json:"dim"`
	MaxTokens int          `json:"max_tokens"`
	Published bool         `json:"published"` // the published figures are this model's
	Figures   []figure     `json:"figures"`
	Sentences int          `json:"sentences"`
	Answers   []demoAnswer `json:"answers"`
}

type demoAnswer struct {
	Question string       `json:"question"`
	Hits     []minnow.Hit `json:"hits"`
}

func demo(ctx context.Context, m *onnx.Model, dir string) (*demoResult, error) {
	r := &demoResult{Model: m.Name(), Dim: m.Dim(), MaxTokens: m.MaxTokens(), Published: m.Name() == native.DefaultModel()}
	var err error
	if r.Figures, err = walk(ctx, m, dir); err != nil {
		return nil, err
	}
	return r, r.ask(ctx, m, filepath.Join(dir, "collection"))
}

func (r *demoResult) print(out io.Writer) error {
	fmt.Fprintf(out, "Model: %s, %d numbers a vector, texts of up to %d tokens.\n", r.Model, r.Dim, r.MaxTokens)
	if !r.Published {
		fmt.Fprintf(out, "NOTE: this is not %s, to which the published figures belong; here are this model's own.\n"+
			"      For the published ones, on a machine that reaches Hugging Face:\n"+
			"      MINNOW_MODEL=%[1]s make demo\n", native.DefaultModel())
	}
	fmt.Fprintln(out, "\nThe walk-through")
	if err := printFigures(out, r.Figures, r.Published); err != nil {
		return err
	}
	if err := r.wrong(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nA collection of sentences, asked in plain words\n%d sentences added.\n", r.Sentences)
	for _, answer := range r.Answers {
		fmt.Fprintf(out, "\n%s\n", answer.Question)
		for _, hit := range answer.Hits {
			fmt.Fprintf(out, "  %.3f  %s\n", hit.Similarity, hit.Text)
		}
	}
	return nil
}

// wrong is an error if a figure is not the published one.
func (r *demoResult) wrong() error {
	wrong := 0
	for _, f := range r.Figures {
		if r.Published && f.wrong() {
			wrong++
		}
	}
	if wrong == 0 {
		return nil
	}
	return faultf(errEnvironment, "%d of %d figures are off by more than %g from the published ones; is %s/models/%s intact? Delete it and run `make setup`",
		wrong, len(r.Figures), tolerance, "$MINNOW_HOME", native.DefaultModel())
}

func printFigures(out io.Writer, figures []figure, published bool) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	header := "step\tours"
	if published {
		header += "\tpublished\tdifference"
	}
	fmt.Fprintln(table, header)
	for _, f := range figures {
		fmt.Fprintf(table, "%s\t%s", f.Step, numbers(f.Got))
		if published {
			fmt.Fprintf(table, "\t%s\t%.1e", numbers(f.Published), f.off())
			if f.wrong() {
				fmt.Fprint(table, "  WRONG")
			}
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// numbers prints whole numbers as such, and others with the nine digits that tell any two float32 apart.
func numbers(values []float64) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = strconv.FormatFloat(v, 'g', 9, 64)
	}
	return strings.Join(words, ", ")
}

// ask puts a page of sentences into a collection, and asks three questions.
func (r *demoResult) ask(ctx context.Context, m *onnx.Model, dir string) error {
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
	r.Sentences = len(docs)
	for _, question := range demoQuestions {
		hits, err := c.KNNQuery(ctx, question, &minnow.Query{K: 3})
		if err != nil {
			return err
		}
		r.Answers = append(r.Answers, demoAnswer{question, hits})
	}
	return c.Close()
}
