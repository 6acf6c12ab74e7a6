package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
)

func newStats(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Print the collection's numbers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return sh.with(cmd, access{}, func(c *opened) error {
				st, size := c.Stats(), sizeOf(c.dir)
				return sh.printFields(cmd, struct {
					Dir   string `json:"dir"`
					Bytes int64  `json:"bytes"`
					minnow.Stats
				}{c.dir, size, st}, [][]string{
					{"folder", fmt.Sprintf("%s, %s on the disk", c.dir, humanize.Bytes(uint64(size)))},
					{"documents", count(st.Documents)},
					{"passages", count(st.Passages)},
					{"model", fmt.Sprintf("%s, %d numbers a vector", st.Model, st.Dim)},
					{"graph", fmt.Sprintf("hnswlib, space %s, M %d, ef_construction %d, %s deleted", st.Space, st.M, st.EfConstruction, count(st.GraphDeleted))},
					{"writes", fmt.Sprintf("%d, of which the saved graph has %d", st.Sequence, st.SavedSequence)},
				})
			})
		},
	}
}

// sizeOf adds up the files of a folder, as far as they can be seen.
func sizeOf(dir string) (bytes int64) {
	filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := os.Stat(path); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
