package main

import (
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
)

func newList(sh *shell) *cobra.Command {
	var conditions []string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List documents, in the order in which they were added",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := parseWhere(conditions)
			if err != nil {
				return err
			}
			if limit < 0 {
				return faultf(errUsage, "--limit is %d, and 0 means all", limit)
			}
			return sh.with(cmd, access{}, func(c *opened) error {
				documents := c.All(cmd.Context())
				if len(conditions) > 0 {
					documents = c.Where(cmd.Context(), filter)
				}
				return sh.list(cmd, documents, limit, c.Len())
			})
		},
	}
	cmd.Flags().StringArrayVar(&conditions, "where", nil, whereUsage)
	cmd.Flags().IntVar(&limit, "limit", 20, "how many at most; 0 is all")
	return cmd
}

// listRows is how many rows share one layout, so that a long list needs little
// memory.
const listRows = 1000

func (sh *shell) list(cmd *cobra.Command, documents iter.Seq2[minnow.Document, error], limit, of int) error {
	out, columns := coloured(cmd), width(cmd.OutOrStdout())
	header := []string{"id", "text"}
	var rows [][]string
	flush := func() error {
		_, err := fmt.Fprint(out, table(columns, header, rows))
		rows, header = nil, nil
		return err
	}
	n := 0
	for d, err := range documents {
		if err != nil {
			return err
		}
		if limit > 0 && n == limit {
			sh.say(cmd, "these are the first %d; --limit 0 lists all of %s documents", limit, count(of))
			break
		}
		n++
		if sh.json {
			if err := printJSON(cmd.OutOrStdout(), d); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{idStyle.Render(brief(d.ID)), textCell(d.Text, d.Metadata, nil)})
		if len(rows) == listRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if n == 0 {
		sh.say(cmd, "nothing found")
		return errNothing
	}
	if sh.json {
		return nil
	}
	return flush()
}
