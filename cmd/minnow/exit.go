package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/internal/source"
	"github.com/minnow-search/minnow/where"
)

// Exit codes; the root command's help says what they mean.
const (
	exitFound       = 0
	exitNothing     = 1
	exitUsage       = 2
	exitData        = 3
	exitEnvironment = 4
	exitInterrupted = 130 // as a shell reports a program that SIGINT ended
)

var (
	// errNothing means that a command did its work and found nothing.
	errNothing = errors.New("nothing found")
	// errUsage, errData and errEnvironment say whose fault an error is, where
	// it doesn't say so itself.
	errUsage       = errors.New("usage")
	errData        = errors.New("data")
	errEnvironment = errors.New("environment")
)

// fault marks an error with one of these, without changing its text.
type fault struct {
	kind error
	error
}

func (f fault) Is(target error) bool { return f.kind == target }
func (f fault) Unwrap() error        { return f.error }

func faultf(kind error, format string, args ...any) error {
	return fault{kind, fmt.Errorf(format, args...)}
}

// toWrite is for errors of writing where the user said: a folder that isn't
// there is no fault of the data.
func toWrite(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault{errEnvironment, err}
	}
	return err
}

func exitCode(err error) int {
	switch is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}; {
	case err == nil:
		return exitFound
	case is(errNothing, minnow.ErrNotFound):
		return exitNothing
	case is(errUsage, source.ErrUsage, where.ErrInvalid):
		return exitUsage
	case is(errEnvironment, minnow.ErrLocked):
		return exitEnvironment
	case is(errData, minnow.ErrInvalid, minnow.ErrDamaged, minnow.ErrVersion, minnow.ErrModelMismatch, minnow.ErrEmbedding, fs.ErrNotExist):
		return exitData
	default:
		return exitEnvironment
	}
}

// hint says what to do about an error, where its text doesn't.
func hint(err error) string {
	switch {
	case errors.Is(err, minnow.ErrModelMismatch):
		return "; --model names the one that it was made with, and `minnow reindex` gives the collection another"
	case errors.Is(err, minnow.ErrLocked):
		return "; to read and to query works beside it"
	case errors.Is(err, minnow.ErrVersion):
		return "; get a newer minnow"
	default:
		return ""
	}
}

// report tells the user of an error, and returns the exit code.
func (sh *shell) report(to io.Writer, err error, interrupted bool) int {
	switch {
	case err == nil:
		return exitFound
	case interrupted && errors.Is(err, context.Canceled):
		fmt.Fprintln(to, "minnow: interrupted"+strings.TrimPrefix(err.Error(), context.Canceled.Error()))
		return exitInterrupted
	case err == errNothing: // without more to say
		return exitNothing
	case !sh.started: // flags or arguments are wrong, and cobra has said how
		fmt.Fprintf(to, "minnow: %v\nminnow help tells more.\n", err)
		return exitUsage
	default:
		text := strings.TrimPrefix(err.Error(), "minnow: ") // package minnow names itself, too
		fmt.Fprintf(to, "minnow: %s%s\n", text, hint(err))
		return exitCode(err)
	}
}
