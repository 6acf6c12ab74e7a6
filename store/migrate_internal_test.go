package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minnow-search/minnow/where"
)

func TestMigrationsRunForwardFromAnyVersion(t *testing.T) {
	steps := []migration{
		{statements: "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)"},
		{statements: "ALTER TABLE t ADD COLUMN b INTEGER"},
		{statements: "SELECT 1", fill: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE t SET b = a + 1")
			return err
		}},
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
	steps := []migration{{statements: "CREATE TABLE t (a INTEGER)"}, {statements: "ALTER TABLE t ADD COLUMN b INTEGER; no such statement"}}
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

// A file of format 1, as the program of that time left it: two documents were
// added, the first was replaced, and a third came and went.
func TestAFileOfFormat1IsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minnow.db")
	old, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := old.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), conn, migrations[:1]); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("some text"))
	hash := sum[:]
	if _, err := conn.ExecContext(t.Context(), `
		INSERT INTO documents VALUES (1, 'a', 2, ?1, '{"n":1}', 'älter fish'), (2, 'b', 1, ?1, '', 'bird');
		INSERT INTO vectors VALUES (1, 1, 1, x'0000803f'), (2, 2, 1, x'00000040'), (4, 99, 3, x'00000000');
		DELETE FROM vectors WHERE label = 4;
		UPDATE vectors SET label = 3, seq = 2 WHERE label = 1;
		INSERT INTO removed VALUES (1, 2), (4, 3);
		UPDATE state SET sequence = 3`, hash); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.Close(), old.Close()); err != nil {
		t.Fatal(err)
	}

	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check() = %v, want nil", err)
	}
	rows, err := s.ByLabel(t.Context(), []uint64{2, 3})
	if err != nil || rows[3].Document.ID != "a" || rows[3].Passage.End != len("älter fish") || rows[2].Document.ID != "b" {
		t.Errorf("ByLabel() = %+v, %v, want a at 3 and b at 2, whole", rows, err)
	}
	if want := slices.Concat(hash[:16], make([]byte, 16)); rows[3].Document.Hash != [32]byte(want) {
		t.Errorf("the hash is %x, want %x", rows[3].Document.Hash, want)
	}
	if m, err := s.Match(t.Context(), where.Eq("n", 1)); err != nil || !slices.Equal(m.Labels(), []uint64{3}) {
		t.Errorf("Match(n = 1) = %v, %v, want label 3", m.Labels(), err)
	}
	if found, err := s.SearchText(t.Context(), []string{"ALTER"}, 10, nil); err != nil || len(found) != 1 || found[0].Label != 3 {
		t.Errorf("SearchText() = %v, %v, want label 3", found, err)
	}
	r, err := s.Put(t.Context(), []Document{{ID: "c", Passages: Whole("", []float32{1})}})
	if err != nil || r.Labels[0][0] != 5 {
		t.Errorf("Put() = %+v, %v, want label 5: 4 was given before", r, err)
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
