package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/onnx"
)

func newRepair(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "repair",
		Short: "Recover what can be read of a damaged collection",
		Long: `Repair reads a damaged database row by row, embeds anew what lost its vectors, and puts a new database in the place of the
old, which stays beside it as minnow.db.old. A sound collection is left as it is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var report minnow.RepairReport
			err := sh.offline(cmd, minnow.Options{}, func(dir string, m *onnx.Model, o *minnow.Options) (err error) {
				report, err = minnow.Repair(cmd.Context(), dir, m, o)
				return err
			})
			if err != nil {
				return err
			}
			damage := ""
			rows := [][]string{{"sound: nothing was changed"}}
			if report.Damage != nil {
				damage = report.Damage.Error()
				rows = [][]string{
					{"damage", damage},
					{"documents", fmt.Sprintf("%d, of which %d were embedded anew", report.Documents, report.Embedded)},
					{"lost", fmt.Sprintf("%d or more", report.Lost)},
					{"doubtful", strings.Join(report.Doubtful, " ")},
				}
			}
			return sh.printFields(cmd, struct {
				Damage    string   `json:"damage"`
				Documents int      `json:"documents"`
				Embedded  int      `json:"embedded"`
				Lost      int      `json:"lost"`
				Doubtful  []string `json:"doubtful,omitempty"`
			}{damage, report.Documents, report.Embedded, report.Lost, report.Doubtful}, rows)
		},
	}
}
