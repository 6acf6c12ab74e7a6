package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/minnow-search/minnow/store"
)

// written makes a closed store file with some documents and returns its path.
func written(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "minnow.db")
	s := open(t, path, nil)
	docs := make([]store.Document, 50)
	for i := range docs {
		docs[i] = doc(string(rune('A'+i)), "text", make([]float32, 100)...)
	}
	put(t, s, docs...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// alter runs SQL on a file behind the store's back.
func alter(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestFilesThatAreNotOursAreRefused(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, path string)
		want  error
	}{
		{"a newer format", func(t *testing.T, path string) { alter(t, path, "PRAGMA user_version = 99") }, store.ErrVersion},
		{"another program's database", func(t *testing.T, path string) { alter(t, path, "PRAGMA application_id = 7") }, store.ErrInvalid},
		{"no database at all", func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("fish"), 4096), 0o666); err != nil {
				t.Fatal(err)
			}
		}, store.ErrDamaged},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := written(t)
			test.spoil(t, path)
			s, err := store.Open(path, nil)
			if !errors.Is(err, test.want) {
				t.Errorf("Open() = %v, want %v", err, test.want)
			}
			if s != nil {
				t.Errorf("Open() returned a store beside its error")
			}
		})
	}
}

func TestCheckFindsDamage(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, path string)
	}{
		{"a document without a vector", func(t *testing.T, path string) { alter(t, path, "DELETE FROM passages WHERE label = 7") }},
		{"a short vector", func(t *testing.T, path string) {
			alter(t, path, "UPDATE passages SET vector = x'00000000' WHERE label = 7")
		}},
		{"a label both stored and removed", func(t *testing.T, path string) { alter(t, path, "INSERT INTO removed VALUES (7, 1)") }},
		{"a sequence from the future", func(t *testing.T, path string) { alter(t, path, "UPDATE documents SET seq = 9") }},
		{"a page of zeros", func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			clear(data[len(data)-2*8192 : len(data)-8192])
			if err := os.WriteFile(path, data, 0o666); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := written(t)
			test.spoil(t, path)
			s, err := store.Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Check(t.Context()); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("Check() = %v, want ErrDamaged", err)
			}
		})
	}
}

func TestReadingDamageIsAnError(t *testing.T) {
	path := written(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for page := 2 * 8192; page < len(data); page += 8192 { // all but the schema
		for i := range 64 {
			data[page+i] ^= 0xff
		}
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(path, nil)
	if err == nil {
		defer s.Close()
		err = firstError(s.Changes(t.Context(), 0))
	}
	if !errors.Is(err, store.ErrDamaged) {
		t.Errorf("reading a damaged file = %v, want ErrDamaged", err)
	}
}

// A process that dies leaves the file and its WAL as they are at that moment.
func TestAKillLosesNoWriteThatReturned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "minnow.db")
	s := open(t, path, nil)
	put(t, s, doc("a", "one", 1), doc("b", "two", 2))
	remove(t, s, "a")

	after := filepath.Join(t.TempDir(), "minnow.db")
	for _, suffix := range []string{"", "-wal"} { // -shm is made anew
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(after+suffix, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, after, nil)
	got := collect(t, s.Documents(t.Context()))
	if len(got) != 1 || got[0].ID != "b" || s.Sequence() != 2 {
		t.Errorf("after a kill: %v at %d, want document b at 2", got, s.Sequence())
	}
}

// FTS5 merges segments as it is written to, and a connection that checked
// before remembers those that are gone.
func TestCheckFindsNothingOnAConnectionThatCheckedBefore(t *testing.T) {
	s := openNew(t)
	for i := range 60 {
		put(t, s, doc(strconv.Itoa(i%7), "fish number "+strconv.Itoa(i), 1, 2))
		if err := s.Check(t.Context()); err != nil {
			t.Fatalf("after %d writes: %v", i+1, err)
		}
	}
}
