package main

import (
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/internal/durable"
)

func newBackup(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Copy the collection into a tar archive, also while it is in use",
		Long:  "Backup writes the collection as it is at one moment. `minnow restore` brings it back, and so does tar. \"-\" is standard output.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" && isTerminal(cmd.OutOrStdout()) {
				return faultf(errUsage, "a backup is no text for a terminal: pipe it on, or name a file")
			}
			return sh.with(cmd, access{}, func(c *opened) error {
				if args[0] == "-" {
					return c.Backup(cmd.Context(), cmd.OutOrStdout())
				}
				err := durable.Replace(durable.OS{}, args[0], func(w io.Writer) error { return c.Backup(cmd.Context(), w) })
				if err != nil {
					return toWrite(err)
				}
				info, err := os.Stat(args[0])
				if err != nil {
					return err
				}
				return sh.printFields(cmd, struct {
					File  string `json:"file"`
					Bytes int64  `json:"bytes"`
				}{args[0], info.Size()}, [][]string{{fmt.Sprintf("%s, %s", tilde(args[0]), humanize.Bytes(uint64(info.Size())))}})
			})
		},
	}
}
