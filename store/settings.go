package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Settings returns the named values that belong to the collection as a whole.
// A new store has none.
func (s *Store) Settings(ctx context.Context) (map[string]string, error) {
	const op = "read settings"
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	rows, err := s.readers.QueryContext(ctx, "SELECT name, value FROM settings")
	if err != nil {
		return nil, s.wrap(op, err)
	}
	defer rows.Close()
	settings := make(map[string]string)
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, s.wrap(op, err)
		}
		settings[name] = value
	}
	return settings, s.wrap(op, rows.Err())
}

// SetSettings sets the named values, in one transaction, and leaves others.
func (s *Store) SetSettings(ctx context.Context, settings map[string]string) error {
	return s.configure(ctx, "write settings", func(ctx context.Context, tx *sql.Tx) error {
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			_, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES (?, ?)
				ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, settings[name])
			if err != nil {
				return fmt.Errorf("setting %q: %w", name, err)
			}
		}
		return nil
	})
}

// Graph identifies the saved search graph that goes with the store.
type Graph struct {
	Sequence uint64 // of the last write it holds; 0 if none is saved
	CRC32C   uint32 // of its file
}

// Graph returns what [Store.SetGraph] recorded last. The zero Graph means that
// none is saved.
func (s *Store) Graph(ctx context.Context) (Graph, error) {
	const op = "read the saved graph"
	if s.closed.Load() {
		return Graph{}, s.wrap(op, ErrClosed)
	}
	var sequence int64
	var g Graph
	err := s.readers.QueryRowContext(ctx, "SELECT graph_sequence, graph_crc32c FROM state").Scan(&sequence, &g.CRC32C)
	g.Sequence = toUint(sequence)
	return g, s.wrap(op, err)
}

// SetGraph records a graph that is safely saved, in place of the one before,
// and forgets the removals it has taken in. From then on no older graph can be
// brought up to date.
func (s *Store) SetGraph(ctx context.Context, g Graph) error {
	if g.Sequence > s.Sequence() {
		return s.wrap("record the saved graph", fmt.Errorf("%w: it has sequence %d, and the store is at %d", ErrInvalid, g.Sequence, s.Sequence()))
	}
	return s.configure(ctx, "record the saved graph", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE state SET graph_sequence = ?, graph_crc32c = ?", toInt(g.Sequence), int64(g.CRC32C))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM removed WHERE seq <= ?", toInt(g.Sequence))
		return err
	})
}

// configure is write for what is not a document: it takes no sequence number,
// and is always synced. A commit in mode FULL syncs the WAL, and with it every
// deferred write before it; a checkpoint would not do, since beside a long
// reader it may sync nothing.
func (s *Store) configure(ctx context.Context, op string, body func(context.Context, *sql.Tx) error) (err error) {
	defer func() { err = s.wrap(op, err) }()
	conn, err := s.writeTurn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx = context.WithoutCancel(ctx) // see write
	var mode int
	if err := conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&mode); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = FULL"); err != nil {
		return err
	}
	defer func() {
		_, restoreErr := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA synchronous = %d", mode))
		err = errors.Join(err, restoreErr)
	}()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a Commit it does nothing
	if err := body(ctx, tx); err != nil {
		return err
	}
	return s.commit(tx)
}
