package main

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
)

func newCompact(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "Free what deleted documents left behind",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return sh.with(cmd, access{write: true}, func(c *opened) error {
				before := sizeOf(c.dir)
				if err := c.Compact(cmd.Context()); err != nil {
					return err
				}
				after := sizeOf(c.dir)
				return sh.printFields(cmd, struct {
					Before int64 `json:"bytes_before"`
					After  int64 `json:"bytes"`
				}{before, after}, [][]string{{fmt.Sprintf("%s on the disk, %s before", humanize.Bytes(uint64(after)), humanize.Bytes(uint64(before)))}})
			})
		},
	}
}
