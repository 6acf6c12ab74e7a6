// Command minnow is semantic search on the command line: see minnow help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case interrupted && errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "minnow: interrupted")
		os.Exit(130) // as a shell reports a program that SIGINT ended
	default:
		fmt.Fprintln(os.Stderr, "minnow:", strings.TrimPrefix(err.Error(), "minnow: ")) // package minnow names itself, too
		os.Exit(1)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "minnow",
		Short:         "Semantic search for texts, on this machine",
		SilenceUsage:  true, // a fault in the data is no reason to explain the flags
		SilenceErrors: true, // main prints them
	}
	root.AddCommand(newDemo(), newModel(), newServe(), newVersion())
	return root
}
