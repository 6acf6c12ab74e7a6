package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
)

// A caller can't reach a file of an older format as long as there is only one.
func TestMigrationsRunForwardFromAnyVersion(t *testing.T) {
	steps := []string{
		"CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)",
		"ALTER TABLE t ADD COLUMN b INTEGER",
		"UPDATE t SET b = a + 1",
	}
	for from := range len(steps) + 1 {
		conn := connect(t)
		for _, upTo := range []int{from, len(steps), len(steps)} { // the last has nothing to do
			if err := migrate(t.Context(), conn, steps[:upTo]); err != nil {
				t.Fatalf("migrate from %d to %d: %v", from, upTo, err)
			}
		}
		var b, version int
		if err := conn.QueryRowContext(t.Context(), "SELECT b, (SELECT user_version FROM pragma_user_version) FROM t").Scan(&b, &version); err != nil {
			t.Fatal(err)
		}
		if b != 2 || version != len(steps) {
			t.Errorf("migrated from %d: b = %d at version %d, want 2 at %d", from, b, version, len(steps))
		}
		if err := migrate(t.Context(), conn, steps[:1]); !errors.Is(err, ErrVersion) {
			t.Errorf("migrate() by an older program = %v, want ErrVersion", err)
		}
	}
}

func TestAFailedMigrationLeavesTheOldFormat(t *testing.T) {
	conn := connect(t)
	steps := []string{"CREATE TABLE t (a INTEGER)", "ALTER TABLE t ADD COLUMN b INTEGER; no such statement"}
	if err := migrate(t.Context(), conn, steps); err == nil {
		t.Fatal("migrate() with a broken step = nil, want an error")
	}
	var columns, version int
	err := conn.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM pragma_table_info('t')), user_version FROM pragma_user_version").Scan(&columns, &version)
	if err != nil {
		t.Fatal(err)
	}
	if columns != 1 || version != 1 {
		t.Errorf("after a failed step: %d columns at version %d, want 1 at 1", columns, version)
	}
}

func connect(t *testing.T) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { errors.Join(conn.Close(), db.Close()) })
	return conn
}
