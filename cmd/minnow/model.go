package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/internal/native"
)

func newModel(sh *shell) *cobra.Command {
	model := &cobra.Command{
		Use:   "model",
		Short: "List, choose, fetch, export and check models",
		Args:  cobra.NoArgs,
	}
	model.AddCommand(newModelList(sh), newModelUse(sh), newModelPath(sh), newModelFetch(), newModelExport(sh), newModelCheck(sh))
	return model
}

func newModelList(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the models that are here, and those that can be fetched",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			here, err := native.Models()
			if err != nil {
				return err
			}
			used, _ := native.Model(sh.model) // none, perhaps
			names := here
			for _, name := range native.Fetchable() {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
			var rows [][]string
			for _, name := range names {
				dir, state := "", "minnow model fetch "+name
				if slices.Contains(here, name) {
					if dir, err = native.Model(name); err != nil {
						return err
					}
					state = dir
				}
				mark := " "
				if dir != "" && dir == used {
					mark = "*"
				}
				rows = append(rows, []string{mark, name, state})
				if sh.json {
					err := printJSON(cmd.OutOrStdout(), struct {
						Name string `json:"name"`
						Dir  string `json:"dir,omitempty"`
						Used bool   `json:"used"`
					}{name, dir, mark == "*"})
					if err != nil {
						return err
					}
				}
			}
			if sh.json {
				return nil
			}
			_, err = fmt.Fprint(coloured(cmd), table(width(cmd.OutOrStdout()), nil, rows))
			return err
		},
	}
}

func newModelUse(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "use NAME",
		Short: "Choose the model for all that follows: a name of `minnow model list`, or a folder",
		Long: `Use makes a model the one that commands and programs take when neither --model nor MINNOW_MODEL says another. A collection
stays with the model that it was made with: minnow reindex gives it another.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := native.Choose(args[0]); err != nil {
				return fault{errEnvironment, err}
			}
			if name := os.Getenv("MINNOW_MODEL"); name != "" {
				sh.say(cmd, "MINNOW_MODEL is set, and %s goes before this choice", name)
			}
			return sh.printModelPath(cmd, args[0])
		},
	}
}

func newModelPath(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "path [NAME]",
		Short: "Print the folder of a model: of the one in use, without a name",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return sh.printModelPath(cmd, append(args, sh.model)[0])
		},
	}
}

func (sh *shell) printModelPath(cmd *cobra.Command, name string) error {
	dir, err := native.Model(name)
	if err != nil {
		return fault{errEnvironment, err}
	}
	return sh.printFields(cmd, struct {
		Dir string `json:"dir"`
	}{dir}, [][]string{{dir}})
}

func newModelFetch() *cobra.Command {
	return &cobra.Command{
		Use:   "fetch NAME",
		Short: "Fetch a model by name, or owner/name from Hugging Face, and export it",
		Long: `Fetch a model and export it to ONNX, under $MINNOW_HOME/models.

NAME is a name of docs/models.md, at a revision that cannot change, or owner/name of any sentence-transformers model on
Hugging Face. Afterwards --model NAME, MINNOW_MODEL=NAME or ` + "`minnow model use NAME`" + ` chooses it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := script(cmd, []string{"MINNOW_MODEL=" + args[0]}); err != nil {
				return faultf(errEnvironment, "the model %s was not fetched: %w", args[0], err)
			}
			return nil
		},
	}
}

func newModelExport(sh *shell) *cobra.Command {
	var output string
	export := &cobra.Command{
		Use:   "export MODEL",
		Short: "Write the ONNX graph of a model, or another with --preset",
		Long: `Write onnx/model.onnx in a model's folder, from its config.json and model.safetensors. MODEL is the folder, or a name of
` + "`minnow model list`" + `. With --preset balanced or fast write onnx/model_balanced.onnx or onnx/model_fast.onnx, whose
dense layers are int8: a minute or two for a small model. With --preset fp16 write onnx/model_fp16.onnx, for GPUs.

BERT, DistilBERT, RoBERTa, XLM-R and MPNet can be exported. A graph is checked before it is written: against formulas in
float64, and that of another preset against the one in float32, on texts that it was not calibrated with. It needs the Python that
set-up made.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := native.Model(args[0])
			if err != nil {
				return fault{errEnvironment, err}
			}
			line := []string{"python", "export_onnx.py", folder}
			if sh.preset != "" {
				line = append(line, "--preset", sh.preset)
			}
			if output != "" {
				if output, err = filepath.Abs(output); err != nil {
					return err
				}
				line = append(line, "--output", output)
			}
			if err := script(cmd, nil, line...); err != nil {
				return faultf(errEnvironment, "the model in %s was not exported: %w", args[0], err)
			}
			return nil
		},
	}
	export.Flags().StringVar(&output, "output", "", "file to write (default: in the model's folder, named by the preset)")
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
