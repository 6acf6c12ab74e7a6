package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
)

func newGet(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "get ID...",
		Short: "Print documents",
		Long:  "Get prints documents whole. If one is not there, it says so, prints the others, and exits with 1.",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return sh.with(cmd, access{}, func(c *opened) error {
				var missing error
				for _, id := range ids {
					d, err := c.Get(cmd.Context(), id)
					if errors.Is(err, minnow.ErrNotFound) {
						missing = errNothing
						sh.say(cmd, "there is no document %q", id)
						continue
					}
					if err == nil {
						err = sh.printDocument(cmd, d)
					}
					if err != nil {
						return err
					}
				}
				return missing
			})
		},
	}
}

func (sh *shell) printDocument(cmd *cobra.Command, d minnow.Document) error {
	if sh.json {
		return printJSON(cmd.OutOrStdout(), d)
	}
	out := idStyle.Render(brief(d.ID)) + "\n"
	if len(d.Metadata) > 0 {
		out += metaStyle.Render(pairs(d.Metadata)) + "\n"
	}
	_, err := fmt.Fprintln(coloured(cmd), out+printable(d.Text))
	return err
}
