package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/minnow-search/minnow/where"
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

	// FTS5 keeps the list of its segments in memory, and looks whether others
	// have changed it when a table is opened, but not before an integrity check:
	// on a connection that was used before, that takes merged segments for lost.
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT rowid FROM words LIMIT 1)").Scan(&n); err != nil {
		return s.wrap(op, err)
	}
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
		{"documents without a vector", "SELECT count(*) FROM documents WHERE num NOT IN (SELECT document FROM passages)"},
		{"vectors without a document", "SELECT count(*) FROM passages WHERE document NOT IN (SELECT num FROM documents)"},
		{"vectors of another length than the first", "SELECT count(*) FROM passages WHERE length(vector) <> (SELECT length(vector) FROM passages ORDER BY label LIMIT 1)"},
		{"passages outside of their texts", "SELECT count(*) FROM passages p JOIN documents d ON d.num = p.document WHERE first < 0 OR first > after OR after > octet_length(d.text)"},
		{"labels both stored and removed", "SELECT count(*) FROM passages JOIN removed USING (label)"},
		{"documents later than the store's sequence", "SELECT count(*) FROM documents WHERE seq > (SELECT sequence FROM state)"},
		{"vectors later than the store's sequence", "SELECT count(*) FROM passages WHERE seq > (SELECT sequence FROM state)"},
		{"fields without a document", "SELECT count(*) FROM fields WHERE document NOT IN (SELECT num FROM documents)"},
		{"fields without a name", "SELECT count(*) FROM fields WHERE name NOT IN (SELECT num FROM names)"},
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
	if err := checkFields(ctx, tx, &findings); err != nil {
		return s.wrap(op, err)
	}
	if len(findings) == 0 {
		return nil
	}
	return s.wrap(op, fmt.Errorf("%w: %w", ErrDamaged, errors.Join(findings...)))
}

// checkFields compares the fields with the metadata that they were made from.
func checkFields(ctx context.Context, tx *sql.Tx, findings *[]error) error {
	rows, err := tx.QueryContext(ctx, "SELECT num, metadata FROM documents WHERE metadata <> ''")
	if err != nil {
		return err
	}
	defer rows.Close()
	expected, wrong := 0, 0
	find, err := tx.PrepareContext(ctx, `SELECT count(*) FROM fields f JOIN names n ON n.num = f.name
		WHERE n.name = ? AND f.kind = ? AND f.value = ? AND f.document = ?`)
	if err != nil {
		return err
	}
	defer find.Close()
	for rows.Next() {
		var num int64
		var metadata string
		if err := rows.Scan(&num, &metadata); err != nil {
			return err
		}
		entries, err := where.Entries([]byte(metadata))
		if err != nil {
			*findings = append(*findings, err)
			continue
		}
		expected += len(entries)
		for _, e := range entries {
			var n int
			if err := find.QueryRowContext(ctx, e.Field, int(e.Value.Kind), e.Value.Value, num).Scan(&n); err != nil {
				return err
			}
			wrong += 1 - n
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var stored int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM fields").Scan(&stored); err != nil {
		return err
	}
	if wrong > 0 || stored != expected {
		*findings = append(*findings, fmt.Errorf("%d fields of metadata are missing, and %d too many", wrong, stored-expected+wrong))
	}
	return nil
}
