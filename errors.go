package minnow

import (
	"errors"
	"fmt"

	"github.com/minnow-search/minnow/store"
)

// Errors a caller can test for with [errors.Is]. Their texts are for people.
var (
	// ErrNotFound means that no document has the ID.
	ErrNotFound = store.ErrNotFound
	// ErrClosed means that the collection was closed.
	ErrClosed = store.ErrClosed
	// ErrInvalid means that an argument is not acceptable; the text says which
	// and why. Nothing was changed.
	ErrInvalid = store.ErrInvalid
	// ErrVersion means that a newer minnow wrote the folder.
	ErrVersion = store.ErrVersion
	// ErrDamaged means that minnow.db is not, or no longer, a sound database.
	// A damaged graph file is not an error: it is made again.
	ErrDamaged = store.ErrDamaged
	// ErrModelMismatch means that the folder was made with another model,
	// dimension, space or graph parameter than it is opened with.
	ErrModelMismatch = errors.New("collection was made with other settings")
	// ErrLocked means that the collection is open already, here or in another
	// process.
	ErrLocked = errors.New("collection is in use")
	// ErrReadOnly means that the collection was opened with Options.ReadOnly,
	// and the call writes.
	ErrReadOnly = store.ErrReadOnly
	// ErrEmbedding means that the [Embedder] returned something that can't be
	// a text's vector.
	ErrEmbedding = errors.New("embedder returned unusable vectors")
)

// errEnded is why the stages of an import that is over stop.
var errEnded = errors.New("import is over")

// wrap names the call that failed.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("minnow: %s: %w", op, err)
}
