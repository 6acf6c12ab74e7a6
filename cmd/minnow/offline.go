package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/onnx"
	"github.com/minnow-search/minnow/split"
)

// offline runs work that opens the collection by itself, since it replaces it.
func (sh *shell) offline(cmd *cobra.Command, o minnow.Options, work func(dir string, m *onnx.Model, o *minnow.Options) error) error {
	dir, err := sh.dir()
	if err != nil {
		return err
	}
	m, err := sh.openModel()
	if err != nil {
		return err
	}
	bar := sh.newBar(cmd)
	o.Progress, o.Splitter = bar.report, split.Sentences(m, nil)
	err = work(dir, m, &o)
	bar.end()
	return errors.Join(err, m.Close())
}
