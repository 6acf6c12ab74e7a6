package store

import (
	"context"
	"errors"
	"fmt"
)

// Check reads the whole file and reports, as [ErrDamaged], what is wrong with
// it: pages that SQLite calls malformed, and rows that contradict each other.
// It costs a pass over the file and runs beside other calls.
func (s *Store) Check(ctx context.Context) error {
	const op = "check store"
	if s.closed.Load() {
		return s.wrap(op, ErrClosed)
	}
	conn, err := s.scans.Conn(ctx)
	if err != nil {
		return s.wrap(op, err)
	}
	defer conn.Close()
	// One read transaction, so that all questions are about one moment.
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return s.wrap(op, err)
	}
	defer tx.Rollback() // it only read

	rows, err := tx.QueryContext(ctx, "PRAGMA integrity_check(10)")
	if err != nil {
		return s.wrap(op, err)
	}
	defer rows.Close()
	var findings []error
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return s.wrap(op, err)
		}
		if line != "ok" {
			findings = append(findings, errors.New(line))
		}
	}
	if err := rows.Err(); err != nil {
		return s.wrap(op, err)
	}

	for _, rule := range []struct{ broken, count string }{
		{"documents without a vector", "SELECT count(*) FROM documents WHERE num NOT IN (SELECT document FROM vectors)"},
		{"vectors without a document", "SELECT count(*) FROM vectors WHERE document NOT IN (SELECT num FROM documents)"},
		{"vectors of another length than the first", "SELECT count(*) FROM vectors WHERE length(vector) <> (SELECT length(vector) FROM vectors ORDER BY label LIMIT 1)"},
		{"labels both stored and removed", "SELECT count(*) FROM vectors JOIN removed USING (label)"},
		{"documents later than the store's sequence", "SELECT count(*) FROM documents WHERE seq > (SELECT sequence FROM state)"},
		{"vectors later than the store's sequence", "SELECT count(*) FROM vectors WHERE seq > (SELECT sequence FROM state)"},
		{"graphs later than the store's sequence", "SELECT count(*) FROM state WHERE graph_sequence > sequence"},
	} {
		var n int
		if err := tx.QueryRowContext(ctx, rule.count).Scan(&n); err != nil {
			return s.wrap(op, err)
		}
		if n > 0 {
			findings = append(findings, fmt.Errorf("%d %s", n, rule.broken))
		}
	}
	if len(findings) == 0 {
		return nil
	}
	return s.wrap(op, fmt.Errorf("%w: %w", ErrDamaged, errors.Join(findings...)))
}
