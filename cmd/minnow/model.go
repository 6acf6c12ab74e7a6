package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/internal/native"
)

func newModel() *cobra.Command {
	model := &cobra.Command{
		Use:   "model",
		Short: "Fetch a model, or export one to ONNX",
		Args:  cobra.NoArgs,
	}
	model.AddCommand(newModelFetch(), newModelExport())
	return model
}

func newModelFetch() *cobra.Command {
	return &cobra.Command{
		Use:   "fetch NAME",
		Short: "Fetch a model by name, or owner/name from Hugging Face, and export it",
		Long: `Fetch a model and export it to ONNX, under $MINNOW_HOME/models.

NAME is a name of docs/models.md, at a revision that cannot change, or owner/name of any sentence-transformers model on
Hugging Face. Afterwards MINNOW_MODEL=NAME chooses it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := script(cmd, []string{"MINNOW_MODEL=" + args[0]}); err != nil {
				return fmt.Errorf("the model %s was not fetched: %w", args[0], err)
			}
			return nil
		},
	}
}

func newModelExport() *cobra.Command {
	var output string
	export := &cobra.Command{
		Use:   "export FOLDER",
		Short: "Write the ONNX graph of a model's folder",
		Long: `Write FOLDER/onnx/model.onnx from FOLDER/config.json and FOLDER/model.safetensors, in float32.

BERT, DistilBERT, RoBERTa, XLM-R and MPNet can be exported. The graph is checked against formulas in float64 before it is
written. It needs the Python that set-up made.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			line := []string{"python", "export_onnx.py", folder}
			if output != "" {
				if output, err = filepath.Abs(output); err != nil {
					return err
				}
				line = append(line, "--output", output)
			}
			if err := script(cmd, nil, line...); err != nil {
				return fmt.Errorf("the model in %s was not exported: %w", args[0], err)
			}
			return nil
		},
	}
	export.Flags().StringVar(&output, "output", "", "file to write (default FOLDER/onnx/model.onnx)")
	return export
}

// script runs set-up in the folder of its scripts. It says itself what went wrong.
func script(cmd *cobra.Command, env []string, args ...string) error {
	dir, err := native.Scripts()
	if err != nil {
		return err
	}
	run := exec.CommandContext(cmd.Context(), "bash", append([]string{filepath.Join(dir, "setup.sh")}, args...)...)
	run.Dir, run.Env = dir, append(os.Environ(), env...)
	run.Stdout, run.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
	// Interrupted, it cleans up after itself.
	run.Cancel = func() error { return run.Process.Signal(syscall.SIGTERM) }
	run.WaitDelay = 10 * time.Second
	err = run.Run()
	if cmd.Context().Err() != nil {
		return context.Cause(cmd.Context())
	}
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return errors.New("see above")
	}
	return err
}
