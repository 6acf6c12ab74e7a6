// Command minnow-setup prepares a machine to build programs that import minnow. It needs no C compiler itself.
//
//	go run github.com/minnow-search/minnow/cmd/minnow-setup               # fetch and build the native parts, once
//	eval "$(go run github.com/minnow-search/minnow/cmd/minnow-setup env)"  # the build environment, in every shell
//
// It carries scripts/setup.sh and the files beside it, unpacks them under $MINNOW_HOME, and runs them with bash.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/minnow-search/minnow/internal/native"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			os.Exit(exit.ExitCode())
		}
		fmt.Fprintln(os.Stderr, "minnow-setup:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	dir, err := native.Scripts()
	if err != nil {
		return err
	}
	cmd := exec.Command("bash", append([]string{filepath.Join(dir, "setup.sh")}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
