package main

import "github.com/spf13/cobra"

func newCheck(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Read the whole collection, and tell what is wrong",
		Long:  "Check reads the database and the graph, compares them, and exits with 3 if something is wrong. `minnow repair` mends it.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return sh.with(cmd, access{write: true}, func(c *opened) error {
				if err := c.Check(cmd.Context()); err != nil {
					return err
				}
				return sh.printFields(cmd, struct {
					Sound bool `json:"sound"`
				}{true}, [][]string{{"sound"}})
			})
		},
	}
}
