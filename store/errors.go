package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors a caller can test for with [errors.Is].
var (
	// ErrNotFound means that no document has the ID.
	ErrNotFound = errors.New("document not found")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("closed")
	// ErrVersion means that a newer program wrote the file.
	ErrVersion = errors.New("file was written by a newer version of minnow")
	// ErrInvalid means that an argument can't be stored; the text says why.
	ErrInvalid = errors.New("invalid argument")
	// ErrReadOnly means that the store was opened to be read.
	ErrReadOnly = errors.New("opened for reading only")
	// ErrNoVector means that a document came without a vector, and none that
	// fits its hash is stored.
	ErrNoVector = errors.New("document needs a vector")
	// ErrPruned means that the removals since that sequence are forgotten.
	ErrPruned = errors.New("changes are no longer known")
	// ErrDamaged means that the file is not, or no longer, a sound database.
	ErrDamaged = errors.New("database is damaged")
)

// wrap names the operation that failed, and puts the sentinel that a caller
// can act on in front of what SQLite said.
func (s *Store) wrap(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.closed.Load():
		return fmt.Errorf("%s: %w", op, ErrClosed)
	case isDamage(err):
		return fmt.Errorf("%s: %w: %w", op, ErrDamaged, err)
	default:
		return fmt.Errorf("%s: %w", op, err)
	}
}

// isDamage reports whether SQLite calls the file malformed, or no database.
func isDamage(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// isIO reports whether the disk failed, as opposed to being full.
func isIO(err error) bool { return resultCode(err) == sqlite3.SQLITE_IOERR }

// resultCode is SQLite's primary result code in err, or 0.
func resultCode(err error) int {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0
	}
	return e.Code() & 0xff
}
