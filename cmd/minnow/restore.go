package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
)

func newRestore(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE|-",
		Short: "Bring a backup back, into a folder that is empty or not there",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := sh.dir()
			if err != nil {
				return err
			}
			from := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				from = io.Reader(f)
			}
			if err := minnow.Restore(cmd.Context(), from, dir); err != nil {
				return err
			}
			return sh.with(cmd, access{}, func(c *opened) error {
				return sh.printFields(cmd, c.Stats(), [][]string{{fmt.Sprintf("%s documents in %s", count(c.Len()), tilde(dir))}})
			})
		},
	}
}
