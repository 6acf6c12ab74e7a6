package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/onnx"
)

// addGraphFlags are of commands that make a graph.
func addGraphFlags(cmd *cobra.Command, o *minnow.Options) {
	cmd.Flags().StringVar((*string)(&o.Space), "space", "", "how distance is measured: cosine, ip or l2 (default cosine)")
	cmd.Flags().IntVar(&o.M, "M", 0, "links of a node of the graph (default 16)")
	cmd.Flags().IntVar(&o.EfConstruction, "ef-construction", 0, "candidates looked at to place a node (default 200)")
}

func newReindex(sh *shell) *cobra.Command {
	o := &minnow.Options{}
	cmd := &cobra.Command{
		Use:   "reindex",
		Short: "Give the collection another model, or another graph",
		Long: `Reindex embeds all texts with the model of --model and links a new graph. Until it is done the collection is what it was;
interrupted, it stays so. With the model that it has, vectors are kept.`,
		Example: "  minnow reindex --model paraphrase-MiniLM-L6-v2\n  minnow reindex --M 32 --ef-construction 400",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := sh.offline(cmd, *o, func(dir string, m *onnx.Model, o *minnow.Options) error {
				return minnow.Reindex(cmd.Context(), dir, m, o)
			})
			if err != nil {
				return err
			}
			return sh.with(cmd, access{}, func(c *opened) error {
				st := c.Stats()
				return sh.printFields(cmd, st, [][]string{{fmt.Sprintf("%s documents, now of %s", count(st.Documents), st.Model)}})
			})
		},
	}
	addGraphFlags(cmd, o)
	return cmd
}
