package hnswlib

import (
	"errors"
	"fmt"

	"github.com/minnow-search/minnow/csrc"
)

// Errors to test for with [errors.Is]. The text around them names the numbers:
// which label, which vector of the batch, which limit.
var (
	ErrClosed         = errors.New("index is closed")
	ErrEmpty          = errors.New("index is empty")
	ErrDimension      = errors.New("wrong dimension")
	ErrNotFinite      = errors.New("vector is not finite")
	ErrZeroVector     = errors.New("vector has no direction")
	ErrDuplicateLabel = errors.New("label occurs twice in the batch")
	ErrNotFound       = errors.New("label not found")
	ErrDeleted        = errors.New("label is deleted")
	ErrFull           = errors.New("index is full")
	ErrCorrupt        = errors.New("index is corrupt")
	ErrConfig         = errors.New("argument out of range")
	ErrNoMemory       = errors.New("not enough memory")
	ErrNoSpace        = errors.New("no room for a file of vectors")
	ErrDropped        = errors.New("vectors were dropped")

	// ErrInternal is a bug, ours or upstream's. If it comes from a change, the
	// index refuses all further work with this error: close it, and load or
	// build it again.
	ErrInternal = errors.New("internal error")
)

// Error is the type of every error of this package.
type Error struct {
	Op  string // what was asked for: "add", "load", ...
	Err error  // wraps one of the errors above or, of Save and Load, of the file system
}

func (e *Error) Error() string { return "hnswlib: " + e.Op + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// failed turns what the shim reported into an error, and nil into nil.
func failed(op string, err *csrc.Error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, Err: fmt.Errorf("%w: %s", sentinel(err.Code), err.Msg)}
}

func sentinel(code int) error {
	switch code {
	case csrc.Config:
		return ErrConfig
	case csrc.Dimension:
		return ErrDimension
	case csrc.NotFinite:
		return ErrNotFinite
	case csrc.ZeroVector:
		return ErrZeroVector
	case csrc.DuplicateLabel:
		return ErrDuplicateLabel
	case csrc.NotFound:
		return ErrNotFound
	case csrc.Deleted:
		return ErrDeleted
	case csrc.Full:
		return ErrFull
	case csrc.Corrupt:
		return ErrCorrupt
	case csrc.NoMemory:
		return ErrNoMemory
	case csrc.NoSpace:
		return ErrNoSpace
	case csrc.Dropped:
		return ErrDropped
	default:
		return ErrInternal
	}
}
