package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow/server"
)

func newServe(sh *shell) *cobra.Command {
	var addr string
	var hosts []string
	var healthy bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer HTTP requests from a collection",
		Long: `Serve opens the collection, makes it if there is none, and answers HTTP requests with JSON until it is
interrupted. There are no accounts: whoever reaches the address may read and change everything.

  curl -X POST localhost:7700/v1/documents -H 'Content-Type: application/json' -d '[{"id": "1", "text": "a small fish"}]'
  curl -X POST localhost:7700/v1/query -H 'Content-Type: application/json' -d '{"text": "tiny swimmers", "k": 3}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if healthy {
				return askHealth(cmd.Context(), addr)
			}
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
	cmd.Flags().BoolVar(&healthy, "healthy", false, "ask the server at --addr whether it is well, and end: for a container's health check")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "a host name, beside localhost, that requests may be sent to")
	return cmd
}

// askHealth is the client's side of GET /healthz, on this machine.
func askHealth(ctx context.Context, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return faultf(errUsage, "--addr %q: %w", addr, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no server answers: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		answer, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return faultf(errEnvironment, "the server answers %s: %s (%v)", resp.Status, answer, err)
	}
	return nil
}
