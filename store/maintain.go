package store

import (
	"context"
	"errors"
	"net/url"
)

// Snapshot writes the store as it is at one moment to a new file at path, while
// others read and write. It is compact, and needs no log beside it.
func (s *Store) Snapshot(ctx context.Context, path string) error {
	const op = "take a snapshot"
	if s.closed.Load() {
		return s.wrap(op, ErrClosed)
	}
	// A connection of its own: the readers' may write nothing, not even this.
	params := url.Values{"mode": {"ro"}, "_pragma": {"cell_size_check(1)"}}
	if s.atRest {
		params.Set("immutable", "1")
	}
	pool, err := openPool(s.path, params)
	if err != nil {
		return s.wrap(op, err)
	}
	_, err = pool.ExecContext(ctx, "VACUUM INTO ?", path)
	return s.wrap(op, errors.Join(err, pool.Close()))
}

// Compact gives room that deleted documents left back to the disk, and puts
// the words in order. It needs as much room as the file takes, for a while.
func (s *Store) Compact(ctx context.Context) (err error) {
	const op = "compact store"
	defer func() { err = s.wrap(op, err) }()
	conn, err := s.writeTurn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, step := range []string{
		"INSERT INTO words (words) VALUES ('optimize')",
		"VACUUM",
		"PRAGMA wal_checkpoint(TRUNCATE)",
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), step); err != nil {
			return err
		}
	}
	return nil
}
