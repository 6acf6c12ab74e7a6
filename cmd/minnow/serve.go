package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/onnx"
	"github.com/minnow-search/minnow/server"
)

func newServe() *cobra.Command {
	var dir, addr string
	var hosts []string
	cmd := &cobra.Command{
		Use:   "serve --db DIR",
		Short: "Answer HTTP requests from a collection",
		Long: `Serve opens the collection in a folder, makes it if there is none, and answers HTTP requests with JSON until it is
interrupted. There are no accounts: whoever reaches the address may read and change everything.

  curl -X POST localhost:7700/v1/documents -H 'Content-Type: application/json' -d '[{"id": "1", "text": "a small fish"}]'
  curl -X POST localhost:7700/v1/query -H 'Content-Type: application/json' -d '{"text": "tiny swimmers", "k": 3}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			m, err := onnx.Open("", nil)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, m.Close()) }()
			c, err := minnow.Open(dir, m, &minnow.Options{Logger: log})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, c.Close()) }()

			// Not ListenAndServe: port 0 is any that is free, and the user is told which.
			ln, err := server.Listen(cmd.Context(), addr)
			if err != nil {
				return fmt.Errorf("--addr %q: %w", addr, err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "minnow: collection %s, %d documents, model %s, at http://%s\n", dir, c.Len(), m.Name(), ln.Addr())
			return server.New(c, &server.Options{Logger: log, Hosts: hosts}).Serve(cmd.Context(), ln)
		},
	}
	cmd.Flags().StringVar(&dir, "db", "", "the collection's folder")
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:7700", "where to listen; a host left out is 127.0.0.1")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "a host name, beside localhost, that requests may be sent to")
	if err := cmd.MarkFlagRequired("db"); err != nil {
		panic("minnow: serve has no flag db: " + err.Error())
	}
	return cmd
}
