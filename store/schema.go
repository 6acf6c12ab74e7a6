package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
)

// applicationID marks the SQLite file as minnow's: "minw" in ASCII.
const applicationID = 0x6d696e77

// migration is a step from one format to the next: statements, and what they
// can't say.
type migration struct {
	statements string
	fill       func(context.Context, *sql.Tx) error // may be nil
}

// migrations make a file of version i into one of version i+1. PRAGMA
// user_version holds the version. A released entry never changes: a new shape
// is a new entry at the end, and docs/FORMAT.md says what it is.
var migrations = []migration{
	// Vectors have a table of their own, so that reading texts doesn't read
	// vectors. AUTOINCREMENT is what keeps a label from being given twice.
	// Blobs are last in their rows: SQLite reads the columns before them
	// without touching overflow pages.
	{statements: `
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
	`},
	// A document may have several vectors, each of a passage; metadata and
	// words can be searched. The new table goes on counting labels where the
	// old one was, so that none is given twice.
	//
	// A hash now has two halves; what format 1 hashed was the text alone.
	//
	// Triggers keep the words right whatever writes to documents.
	{statements: `
	CREATE TABLE passages (
		label     INTEGER PRIMARY KEY AUTOINCREMENT,
		document  INTEGER NOT NULL REFERENCES documents (num),
		seq       INTEGER NOT NULL,
		first     INTEGER NOT NULL,
		after     INTEGER NOT NULL,
		truncated INTEGER NOT NULL,
		vector    BLOB NOT NULL
	) STRICT;
	INSERT INTO passages SELECT v.label, v.document, v.seq, 0, octet_length(d.text), 0, v.vector
		FROM vectors v JOIN documents d ON d.num = v.document;
	DELETE FROM sqlite_sequence WHERE name = 'passages';
	INSERT INTO sqlite_sequence SELECT 'passages', seq FROM sqlite_sequence WHERE name = 'vectors';
	DROP TABLE vectors;
	UPDATE documents SET hash = CAST(substr(hash, 1, 16) || zeroblob(16) AS BLOB);
	CREATE INDEX passages_seq ON passages (seq);
	CREATE INDEX passages_document ON passages (document);

	CREATE TABLE names (
		num  INTEGER PRIMARY KEY,
		name TEXT NOT NULL UNIQUE
	) STRICT;
	CREATE TABLE fields (
		name     INTEGER NOT NULL REFERENCES names (num),
		kind     INTEGER NOT NULL,
		value    ANY NOT NULL,
		document INTEGER NOT NULL,
		PRIMARY KEY (name, kind, value, document)
	) STRICT, WITHOUT ROWID;

	CREATE VIRTUAL TABLE words USING fts5(
		text, content = 'documents', content_rowid = 'num', tokenize = 'unicode61 remove_diacritics 2'
	);
	INSERT INTO words (words) VALUES ('rebuild');
	CREATE TRIGGER words_insert AFTER INSERT ON documents BEGIN
		INSERT INTO words (rowid, text) VALUES (new.num, new.text);
	END;
	CREATE TRIGGER words_delete AFTER DELETE ON documents BEGIN
		INSERT INTO words (words, rowid, text) VALUES ('delete', old.num, old.text);
	END;
	CREATE TRIGGER words_update AFTER UPDATE OF text ON documents WHEN old.text IS NOT new.text BEGIN
		INSERT INTO words (words, rowid, text) VALUES ('delete', old.num, old.text);
		INSERT INTO words (rowid, text) VALUES (new.num, new.text);
	END;
	`, fill: fillFields},
}

// migrate brings the file to version len(steps), each step in a transaction of
// its own, and refuses a file that is newer or not minnow's.
func migrate(ctx context.Context, conn *sql.Conn, steps []migration) error {
	version, err := readFormat(ctx, conn, len(steps))
	if err != nil {
		return err
	}
	for ; version < len(steps); version++ {
		if err := migrateOne(ctx, conn, steps[version], version+1); err != nil {
			return fmt.Errorf("migrate to format %d: %w", version+1, err)
		}
	}
	return nil
}

// checkFormat refuses a file that migrate would have to change.
func checkFormat(ctx context.Context, conn *sql.Conn, known int) error {
	version, err := readFormat(ctx, conn, known)
	if err == nil && version < known {
		err = fmt.Errorf("%w: it has format %d, which must be brought to %d; open it once for writing", ErrReadOnly, version, known)
	}
	return err
}

// readFormat is the version of the file. It refuses one that is newer than what
// is known, or not minnow's.
func readFormat(ctx context.Context, conn *sql.Conn, known int) (version int, err error) {
	var application, objects int
	err = conn.QueryRowContext(ctx, `SELECT
		(SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&version, &application, &objects)
	if err != nil {
		return 0, fmt.Errorf("read the format: %w", err)
	}
	if application != applicationID && (application != 0 || version != 0 || objects != 0) {
		return 0, fmt.Errorf("%w: an SQLite database, but not one of minnow's", ErrInvalid)
	}
	if version > known {
		return 0, fmt.Errorf("%w: it has format %d, and this one knows formats up to %d; use a newer minnow",
			ErrVersion, version, known)
	}
	return version, nil
}

// migrateOne runs one step. PRAGMA user_version is part of the transaction, so
// the version and the shape change together.
func migrateOne(ctx context.Context, conn *sql.Conn, step migration, version int) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a Commit it does nothing
	pragmas := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, version)
	for _, statements := range []string{step.statements, pragmas} {
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return err
		}
	}
	if step.fill != nil {
		if err := step.fill(ctx, tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// toInt and toUint cross between Go's unsigned numbers and SQLite's signed
// ones. Sequences and labels count up from 1 and never come near the sign.
func toInt(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

func toUint(n int64) uint64 { return uint64(max(n, 0)) }
