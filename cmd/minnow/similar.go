package main

import "github.com/spf13/cobra"

func newSimilar(sh *shell) *cobra.Command {
	a := &asking{}
	cmd := &cobra.Command{
		Use:   "similar ID",
		Short: "Find documents like one that is there",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := a.query()
			if err != nil {
				return err
			}
			return sh.with(cmd, access{}, func(c *opened) error {
				hits, err := c.SimilarTo(cmd.Context(), args[0], q)
				if err != nil {
					return asked(err)
				}
				return sh.printHits(cmd, "", hits)
			})
		},
	}
	a.addFlags(cmd, false)
	return cmd
}
