// Command minnow is semantic search on the command line: see minnow help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

// run returns the exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	sh := &shell{}
	err := newCommand(sh).ExecuteContext(ctx)
	return sh.report(os.Stderr, err, ctx.Err() != nil)
}

// newRoot is the whole command, for tests that need no exit code.
func newRoot() *cobra.Command { return newCommand(&shell{}) }

func newCommand(sh *shell) *cobra.Command {
	root := &cobra.Command{
		Use:   "minnow",
		Short: "Semantic search for texts, on this machine",
		Long: `minnow finds the texts that mean what you ask for, on this machine: a model turns texts into vectors, and a graph finds
the nearest. Nothing leaves the machine.

  minnow import notes/                   # Markdown and text files; or CSV, JSON, Parquet, lines
  minnow query "how do I renew it?"      # by meaning
  minnow query                           # see hits as you type

A collection is a folder: the one in --db, else in MINNOW_DB, else ` + defaultNote + `.
Results go to standard output, all else to standard error; --json makes results JSON, an object a line.

Exit codes: 0 found, or done; 1 nothing found; 2 wrong usage; 3 wrong or damaged data; 4 something is wrong with this
machine (a model that is missing, a full disk, a collection in use: see minnow doctor); 130 interrupted.`,
		SilenceUsage:  true, // a fault in the data is no reason to explain the flags
		SilenceErrors: true, // report prints them
		PersistentPreRun: func(*cobra.Command, []string) {
			sh.started = true
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&sh.db, "db", "", "the collection's `FOLDER` (default: $MINNOW_DB, or "+defaultNote+")")
	flags.StringVar(&sh.model, "model", "", "the model, a `NAME` or a folder (default: $MINNOW_MODEL, what \"minnow model use\" chose, or the collection's)")
	flags.StringVar(&sh.preset, "preset", "", "how exact the model is, and how fast: `exact`, balanced, fast or fp16 (default: $MINNOW_PRESET, or the collection's)")
	flags.BoolVar(&sh.mixPresets, "mix-presets", false, "use a collection with another preset than it was made with")
	flags.BoolVar(&sh.json, "json", false, "results as JSON, an object a line")
	flags.BoolVarP(&sh.quiet, "quiet", "q", false, "nothing but results and errors")
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"ask", "Ask:", []*cobra.Command{newQuery(sh), newSimilar(sh), newGet(sh), newList(sh)}},
		{"put", "Put in and take out:", []*cobra.Command{newImport(sh), newAdd(sh), newDelete(sh), newExport(sh)}},
		{"keep", "Keep in order:", []*cobra.Command{
			newStats(sh), newCheck(sh), newRepair(sh), newCompact(sh), newReindex(sh), newBackup(sh), newRestore(sh),
		}},
		{"more", "More:", []*cobra.Command{
			newServe(sh), newEmbed(sh), newModel(sh), newDoctor(sh), newBench(sh), newDemo(sh), newMan(), newVersion(sh),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, c := range group.commands {
			c.GroupID = group.id
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	return root
}
