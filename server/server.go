package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/minnow-search/minnow"
)

// Options are choices about a server. Nil and the zero value are good defaults.
type Options struct {
	// MaxBodyBytes is how long a request's body may be; 32 MiB by default.
	MaxBodyBytes int64
	// MaxK is how many documents a query may ask for; 1000 by default.
	MaxK int
	// Hosts are the names, without port, that requests may be sent to.
	// localhost and every IP address always are.
	Hosts []string
	// Logger hears of requests that failed on our side. By default nothing is
	// logged.
	Logger *slog.Logger
}

// Server answers HTTP requests from a collection. It is an [http.Handler], and
// may be used by many goroutines.
type Server struct {
	collection *minnow.Collection
	options    Options
	handler    http.Handler
}

// New makes a server for a collection, which stays the caller's to close once
// the server is done with it.
func New(c *minnow.Collection, o *Options) *Server {
	s := &Server{collection: c}
	if o != nil {
		s.options = *o
	}
	s.options.MaxBodyBytes = cmp.Or(s.options.MaxBodyBytes, 32<<20)
	s.options.MaxK = cmp.Or(s.options.MaxK, 1000)
	s.options.Logger = cmp.Or(s.options.Logger, slog.New(slog.DiscardHandler))
	s.handler = s.guard(s.routes())
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// How long clients may take, and requests that are under way at the end. There
// is no limit on the answer: adding thousands of documents takes minutes.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 5 * time.Minute
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 10 * time.Second
)

// Listen takes a TCP address, for [Server.Serve]. A host that is left out, as in
// ":7700", is 127.0.0.1; to be reached from elsewhere, name 0.0.0.0 or ::.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	return listen.Listen(ctx, "tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
}

// ListenAndServe is [Server.Serve] on a TCP address, as [Listen] takes it.
func (s *Server) ListenAndServe(ctx context.Context, addr string) error {
	ln, err := Listen(ctx, addr)
	if err != nil {
		return err
	}
	return s.Serve(ctx, ln)
}

// Serve answers requests from ln until the context is done. Then it takes no
// new ones, gives those under way ten seconds, and returns nil. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // cuts off, and cancels, what is left
	}
	<-failed // http.ErrServerClosed
	return err
}
