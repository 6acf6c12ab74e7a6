package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newDelete(sh *shell) *cobra.Command {
	var conditions []string
	cmd := &cobra.Command{
		Use:   "delete ID... | --where CONDITION",
		Short: "Remove documents",
		RunE: func(cmd *cobra.Command, ids []string) error {
			filter, err := parseWhere(conditions)
			if err != nil {
				return err
			}
			if (len(ids) > 0) == (len(conditions) > 0) {
				return faultf(errUsage, "which documents? Name IDs, or say --where")
			}
			return sh.with(cmd, access{write: true}, func(c *opened) error {
				if len(conditions) > 0 {
					for d, err := range c.Where(cmd.Context(), filter) {
						if err != nil {
							return err
						}
						ids = append(ids, d.ID)
					}
				}
				removed, err := c.Delete(cmd.Context(), ids...)
				if err != nil {
					return err
				}
				err = sh.printFields(cmd, struct {
					Removed int `json:"removed"`
				}{removed}, [][]string{{fmt.Sprintf("%s of %s documents removed", count(removed), count(removed+c.Len()))}})
				if err == nil && removed == 0 {
					err = errNothing
				}
				return err
			})
		},
	}
	cmd.Flags().StringArrayVar(&conditions, "where", nil, whereUsage)
	return cmd
}
