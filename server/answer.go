package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/minnow-search/minnow"
)

// handler answers a request with a value for JSON, or an error.
type handler func(w http.ResponseWriter, r *http.Request) (any, error)

// Kinds of errors; the package comment says what they mean.
const (
	kindInvalid              = "invalid"
	kindForbidden            = "forbidden"
	kindNotFound             = "not_found"
	kindMethodNotAllowed     = "method_not_allowed"
	kindTooLarge             = "too_large"
	kindUnsupportedMediaType = "unsupported_media_type"
	kindInternal             = "internal"
	kindUnavailable          = "unavailable"
)

// problem is an error that arises here, between HTTP and the collection.
type problem struct {
	status  int
	kind    string
	message string
}

func (p *problem) Error() string { return p.message }

// classify gives an error its status and kind. What isn't known is our fault.
func classify(err error) (status int, kind string) {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.status, p.kind
	}
	switch {
	case errors.Is(err, minnow.ErrInvalid):
		return http.StatusBadRequest, kindInvalid
	case errors.Is(err, minnow.ErrNotFound):
		return http.StatusNotFound, kindNotFound
	case errors.Is(err, minnow.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, kindUnavailable
	default:
		return http.StatusInternalServerError, kindInternal
	}
}

func kindOf(err error) string {
	_, kind := classify(err)
	return kind
}

// answer makes an http.Handler of a handler. The cause of an internal error
// goes to the log only: it may name files, or quote a document.
func (s *Server) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, err := h(w, r)
		if err == nil {
			s.write(w, r, http.StatusOK, value)
			return
		}
		status, kind := classify(err)
		message := err.Error()
		if kind == kindInternal {
			id := rand.Text()
			s.options.Logger.Error("request failed", "request", id, "method", r.Method, "path", r.URL.Path, "error", err)
			message = "internal error; the server's log has the cause under request " + id
		}
		s.writeError(w, r, status, kind, message)
	})
}

func (s *Server) writeError(w http.ResponseWriter, r *http.Request, status int, kind, message string) {
	type body struct {
		Kind    string `json:"kind"`
		Message string `json:"message"`
	}
	s.write(w, r, status, struct {
		Error body `json:"error"`
	}{body{kind, message}})
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, value any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // it isn't HTML, and nosniff says so
	if err := enc.Encode(value); err != nil {
		panic("server: an answer is not JSON: " + err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write(buf.Bytes()); err != nil {
		s.options.Logger.Debug("client gone", "method", r.Method, "path", r.URL.Path, "error", err)
	}
}

// decode reads the one JSON value of a body. Unknown fields are refused, since
// they are most likely misspelt ones. Numbers of metadata keep their digits.
func (s *Server) decode(w http.ResponseWriter, r *http.Request, into any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return &problem{http.StatusUnsupportedMediaType, kindUnsupportedMediaType, "the Content-Type must be application/json"}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, s.options.MaxBodyBytes))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err = dec.Decode(into); err == nil {
		if _, err = dec.Token(); err == io.EOF {
			return nil
		} else if err == nil {
			err = errors.New("there is more after the JSON value")
		}
	}
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{http.StatusRequestEntityTooLarge, kindTooLarge, fmt.Sprintf("the body is longer than %d bytes", tooLong.Limit)}
	}
	return &problem{http.StatusBadRequest, kindInvalid, fmt.Sprintf("the body is not the JSON that is expected: %v", err)}
}

// methodNotAllowed answers the methods that a path doesn't have.
func methodNotAllowed(methods map[string]handler) handler {
	allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		w.Header().Set("Allow", allow)
		return nil, &problem{http.StatusMethodNotAllowed, kindMethodNotAllowed, fmt.Sprintf("%s has %s, not %s", r.URL.Path, allow, r.Method)}
	}
}
