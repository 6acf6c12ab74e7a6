package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/internal/source"
)

func newAdd(sh *shell) *cobra.Command {
	var id string
	var pairs []string
	cmd := &cobra.Command{
		Use:   "add TEXT...",
		Short: "Add texts",
		Long: `Add puts texts into the collection, each a document of its own, and prints their IDs. An ID that is there already gets
the new text. Without --id the ID is made of the text, so the same text is never added twice.`,
		Example: `  minnow add "A minnow is a small freshwater fish." --id minnow --meta lang=en`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, texts []string) error {
			if id != "" && len(texts) > 1 {
				return faultf(errUsage, "--id names one text, and there are %d; put a text of several words in quotes", len(texts))
			}
			metadata, err := parseMeta(pairs)
			if err != nil {
				return err
			}
			docs := make([]minnow.Document, len(texts))
			for i, text := range texts {
				if strings.TrimSpace(text) == "" {
					return faultf(errUsage, "text %d is empty", i+1)
				}
				docs[i] = minnow.Document{ID: id, Text: text, Metadata: metadata}
				if id == "" {
					docs[i].ID = source.TextID(text)
				}
			}
			return sh.with(cmd, access{write: true, create: true, model: true}, func(c *opened) error {
				if err := c.Add(cmd.Context(), docs...); err != nil {
					return err
				}
				for _, d := range docs {
					err := sh.printFields(cmd, struct {
						ID string `json:"id"`
					}{d.ID}, [][]string{{d.ID}})
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "the document's ID")
	cmd.Flags().StringArrayVar(&pairs, "meta", nil, "metadata as NAME=VALUE; may be repeated")
	return cmd
}

func parseMeta(pairs []string) (map[string]any, error) {
	var metadata map[string]any
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, faultf(errUsage, "--meta %s: it should be NAME=VALUE", pair)
		}
		if metadata == nil {
			metadata = map[string]any{}
		}
		if _, again := metadata[name]; again {
			return nil, faultf(errUsage, "--meta gives %q twice", name)
		}
		metadata[name] = scalar(value)
	}
	return metadata, nil
}
