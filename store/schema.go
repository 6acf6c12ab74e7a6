package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
)

// applicationID marks the SQLite file as minnow's: "minw" in ASCII.
const applicationID = 0x6d696e77

// migrations make a file of version i into one of version i+1. PRAGMA
// user_version holds the version. A released entry never changes: a new shape
// is a new entry at the end, and docs/FORMAT.md says what it is.
var migrations = []string{
	// Vectors have a table of their own, so that reading texts doesn't read
	// vectors. AUTOINCREMENT is what keeps a label from being given twice.
	// Blobs are last in their rows: SQLite reads the columns before them
	// without touching overflow pages.
	`
	CREATE TABLE settings (
		name  TEXT PRIMARY KEY,
		value TEXT NOT NULL
	) STRICT, WITHOUT ROWID;

	CREATE TABLE state (
		one            INTEGER PRIMARY KEY CHECK (one = 1),
		sequence       INTEGER NOT NULL,
		graph_sequence INTEGER NOT NULL,
		graph_crc32c   INTEGER NOT NULL
	) STRICT;
	INSERT INTO state VALUES (1, 0, 0, 0);

	CREATE TABLE documents (
		num      INTEGER PRIMARY KEY,
		id       TEXT NOT NULL UNIQUE,
		seq      INTEGER NOT NULL,
		hash     BLOB NOT NULL,
		metadata TEXT NOT NULL,
		text     TEXT NOT NULL
	) STRICT;

	CREATE TABLE vectors (
		label    INTEGER PRIMARY KEY AUTOINCREMENT,
		document INTEGER NOT NULL UNIQUE REFERENCES documents (num),
		seq      INTEGER NOT NULL,
		vector   BLOB NOT NULL
	) STRICT;
	CREATE INDEX vectors_seq ON vectors (seq);

	CREATE TABLE removed (
		label INTEGER PRIMARY KEY,
		seq   INTEGER NOT NULL
	) STRICT;
	CREATE INDEX removed_seq ON removed (seq);
	`,
}

// migrate brings the file to version len(steps), each step in a transaction of
// its own, and refuses a file that is newer or not minnow's.
func migrate(ctx context.Context, conn *sql.Conn, steps []string) error {
	var version, application, objects int
	err := conn.QueryRowContext(ctx, `SELECT
		(SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&version, &application, &objects)
	if err != nil {
		return fmt.Errorf("read the format: %w", err)
	}
	if application != applicationID && (application != 0 || version != 0 || objects != 0) {
		return fmt.Errorf("%w: an SQLite database, but not one of minnow's", ErrInvalid)
	}
	if version > len(steps) {
		return fmt.Errorf("%w: it has format %d, and this one knows formats up to %d; use a newer minnow",
			ErrVersion, version, len(steps))
	}
	for ; version < len(steps); version++ {
		if err := migrateOne(ctx, conn, steps[version], version+1); err != nil {
			return fmt.Errorf("migrate to format %d: %w", version+1, err)
		}
	}
	return nil
}

// migrateOne runs one step. PRAGMA user_version is part of the transaction, so
// the version and the shape change together.
func migrateOne(ctx context.Context, conn *sql.Conn, step string, version int) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a Commit it does nothing
	pragmas := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, version)
	for _, statements := range []string{step, pragmas} {
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// toInt and toUint cross between Go's unsigned numbers and SQLite's signed
// ones. Sequences and labels count up from 1 and never come near the sign.
func toInt(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

func toUint(n int64) uint64 { return uint64(max(n, 0)) }
