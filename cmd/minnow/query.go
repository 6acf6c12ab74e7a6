package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
)

// asking are the flags of query and similar.
type asking struct {
	minnow.Query
	mode       string
	conditions []string
	near, away []string
}

func (a *asking) addFlags(cmd *cobra.Command, examples bool) {
	flags := cmd.Flags()
	flags.IntVarP(&a.K, "k", "k", 10, "how many documents")
	flags.IntVar(&a.Offset, "offset", 0, "pass over so many of the best")
	flags.IntVar(&a.Ef, "ef", 0, "candidates that the graph looks at; more finds more of the true nearest (default 100)")
	flags.Float64Var(&a.Recall, "recall", 0, "share of the true nearest to be found, such as 0.95, instead of --ef")
	flags.StringVar(&a.mode, "mode", "vector", "what to go by: vector (meaning), text (words) or hybrid (both)")
	flags.StringArrayVar(&a.conditions, "where", nil, whereUsage)
	flags.Float32Var(&a.MinSimilarity, "min-similarity", 0, "leave out hits that are less similar")
	flags.Float32Var(&a.Diversity, "diversity", 0, "from 0 to 1: how much hits should differ from each other")
	flags.BoolVar(&a.Passages, "passages", false, "each passage of a long text is a hit of its own")
	flags.StringVar(&a.Words, "words", "", "the words that modes text and hybrid look for (default: the text)")
	if examples {
		flags.StringArrayVar(&a.near, "near", nil, "ID of a document that is like what is wanted; may be repeated")
		flags.StringArrayVar(&a.away, "away", nil, "ID of a document that is not; may be repeated")
	}
}

// query checks the flags.
func (a *asking) query() (*minnow.Query, error) {
	q := a.Query
	q.Mode = minnow.Mode(a.mode)
	var err error
	if q.Where, err = parseWhere(a.conditions); err != nil {
		return nil, err
	}
	if q.K < 1 {
		return nil, faultf(errUsage, "-k is %d, and must be at least 1", q.K)
	}
	for _, id := range a.near {
		q.Near = append(q.Near, minnow.Example{ID: id})
	}
	for _, id := range a.away {
		q.Away = append(q.Away, minnow.Example{ID: id})
	}
	return &q, nil
}

// asked makes a wrong query the user's fault, since its flags said it.
func asked(err error) error {
	if exitCode(err) == exitData {
		return fault{errUsage, err}
	}
	return err
}

func newQuery(sh *shell) *cobra.Command {
	a := &asking{}
	cmd := &cobra.Command{
		Use:   "query [TEXT...]",
		Short: "Find documents by meaning, by words, or by both",
		Long: `Query finds the documents that fit a text best, the best first.

Without a text it opens a prompt on a terminal, where hits appear as one types; else it reads questions from standard
input, one a line.`,
		Example: `  minnow query "sweet and sticky"
  minnow query "error E1043" --mode hybrid --where lang=en --where 'year>=2020'
  minnow query "a light supper" --away bacon --json | jq -r .id`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := a.query()
			if err != nil {
				return err
			}
			return sh.with(cmd, access{model: q.Mode != minnow.Text}, func(c *opened) error {
				switch {
				case len(args) > 0:
					return sh.ask(cmd, c, strings.Join(args, " "), q)
				case len(q.Near) > 0:
					return sh.ask(cmd, c, "", q)
				case isTerminal(cmd.InOrStdin()) && isTerminal(cmd.OutOrStdout()) && !sh.json:
					return prompt(cmd, c, q)
				default:
					return sh.askLines(cmd, c, q)
				}
			})
		},
	}
	a.addFlags(cmd, true)
	return cmd
}

func (sh *shell) ask(cmd *cobra.Command, c *opened, text string, q *minnow.Query) error {
	hits, err := c.KNNQuery(cmd.Context(), text, q)
	if err != nil {
		return asked(err)
	}
	return sh.printHits(cmd, text, hits)
}

// askLines answers questions from standard input until it ends.
func (sh *shell) askLines(cmd *cobra.Command, c *opened, q *minnow.Query) error {
	lines := bufio.NewScanner(cmd.InOrStdin())
	lines.Buffer(nil, 1<<20)
	found := errNothing
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	for ctx.Err() == nil && lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		hits, err := c.KNNQuery(ctx, text, q)
		if err != nil {
			return asked(err)
		}
		if len(hits) > 0 {
			found = nil
		}
		if err := sh.printAnswer(cmd, text, hits); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("standard input: %w", err)
	}
	return found
}

// printAnswer writes the hits of one of many questions, with the question.
func (sh *shell) printAnswer(cmd *cobra.Command, text string, hits []minnow.Hit) error {
	if !sh.json {
		_, err := fmt.Fprintf(coloured(cmd), "%s\n%s\n", text, hitTable(width(cmd.OutOrStdout()), text, hits))
		return err
	}
	for i := range hits {
		err := printJSON(cmd.OutOrStdout(), struct {
			Query string `json:"query"`
			*minnow.Hit
		}{text, &hits[i]})
		if err != nil {
			return err
		}
	}
	return nil
}
