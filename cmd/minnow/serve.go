package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/server"
)

func newServe(sh *shell) *cobra.Command {
	var addr string
	var hosts []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer HTTP requests from a collection",
		Long: `Serve opens the collection, makes it if there is none, and answers HTTP requests with JSON until it is
interrupted. There are no accounts: whoever reaches the address may read and change everything.

  curl -X POST localhost:7700/v1/documents -H 'Content-Type: application/json' -d '[{"id": "1", "text": "a small fish"}]'
  curl -X POST localhost:7700/v1/query -H 'Content-Type: application/json' -d '{"text": "tiny swimmers", "k": 3}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			return sh.with(cmd, access{write: true, create: true, model: true}, func(c *opened) error {
				// Not ListenAndServe: port 0 is any that is free, and the user is told which.
				ln, err := server.Listen(cmd.Context(), addr)
				if err != nil {
					return faultf(errEnvironment, "--addr %q: %w", addr, err)
				}
				sh.say(cmd, "model %s, at http://%s", c.model.Name(), ln.Addr())
				return server.New(c.Collection, &server.Options{Logger: log, Hosts: hosts}).Serve(cmd.Context(), ln)
			})
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:7700", "where to listen; a host left out is 127.0.0.1")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "a host name, beside localhost, that requests may be sent to")
	return cmd
}
