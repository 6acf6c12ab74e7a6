package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
)

// Options are choices about a store. Nil and the zero value are good defaults.
type Options struct {
	// DeferSync leaves the syncing of documents to the next
	// [Store.SetGraph], [Store.SetSettings] or [Store.Close], and to SQLite's
	// own checkpoints. Writes get faster, and a power cut may cost the latest
	// ones; the file stays sound, and never holds half of a write. A crash of
	// the process alone costs nothing.
	DeferSync bool
	// ReadOnly opens a file that exists, beside the process that writes it or
	// with none. Writes return [ErrReadOnly]. See [Store.Refresh].
	ReadOnly bool
}

// Store is an open file of documents. Make one with [Open].
type Store struct {
	path   string
	atRest bool // nobody can write to the file; see atRest

	// Three pools of connections to one file. The writer has a single
	// connection, and holding it is what makes writes take turns. Look-ups
	// share a few. Each scan has its own, because its loop body runs the
	// caller's code, which may use the store again: with a bounded pool, loops
	// inside loops could wait for each other forever. A store that is read
	// only has no writer.
	writer, readers, scans *sql.DB
	byLabel                *sql.Stmt // on readers: the look-up behind every query

	sequence atomic.Uint64 // written by the holder of the writer connection
	count    atomic.Int64  // likewise: documents
	passages atomic.Int64  // likewise
	poison   error         // guarded by the writer connection: set once, refuses writes

	closed   atomic.Bool
	closing  sync.Once
	closeErr error // guarded by closing
}

// Open opens the file at path, and makes it if there is none. The folder must
// exist. A file of an older format is brought up to date. It fails with
// [ErrVersion] if a newer program wrote the file, and with [ErrDamaged] if the
// file is no database.
func Open(path string, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{path: abs}
	if err := s.open(context.Background(), o); err != nil {
		err = s.wrap(fmt.Sprintf("open store %s", path), err)
		return nil, errors.Join(err, s.closePools())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o *Options) error {
	reading := url.Values{
		"_pragma":     {"cell_size_check(1)", "trusted_schema(0)"},
		"_query_only": {"1"},
	}
	if o.ReadOnly {
		reading.Set("mode", "ro")
		if s.atRest = atRest(s.path); s.atRest {
			reading.Set("immutable", "1")
		}
	} else if err := s.openWriter(ctx, o); err != nil {
		return err
	}
	var err error
	if s.readers, err = openPool(s.path, reading); err != nil {
		return err
	}
	lookups := max(4, runtime.GOMAXPROCS(0))
	s.readers.SetMaxOpenConns(lookups)
	s.readers.SetMaxIdleConns(lookups)
	if s.scans, err = openPool(s.path, reading); err != nil {
		return err
	}
	if o.ReadOnly {
		conn, err := s.readers.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := checkFormat(ctx, conn, len(migrations)); err != nil {
			return err
		}
	}
	if s.byLabel, err = s.readers.PrepareContext(ctx, byLabelSQL); err != nil {
		return err
	}
	_, err = s.refresh(ctx)
	return err
}

// openWriter opens the connection that writes, and makes the file what this
// program knows.
func (s *Store) openWriter(ctx context.Context, o *Options) (err error) {
	synchronous := "FULL"
	if o.DeferSync {
		synchronous = "NORMAL"
	}
	// 8 KiB pages hold five vectors of 384 numbers, where 4 KiB would hold two
	// and waste a quarter. The driver sets page_size before _journal_mode,
	// after which it is fixed. fullfsync matters on macOS only, where fsync
	// alone leaves data in the drive's cache.
	s.writer, err = openPool(s.path, url.Values{
		"_pragma": {
			"page_size(8192)", "cache_size(-16384)", "cell_size_check(1)",
			"fullfsync(1)", "checkpoint_fullfsync(1)", "trusted_schema(0)",
		},
		"_journal_mode": {"WAL"},
		"_synchronous":  {synchronous},
		"_foreign_keys": {"1"},
		"_txlock":       {"immediate"},
	})
	if err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return migrate(ctx, conn, migrations)
}

// atRest reports whether a file that is only read can't change: nobody has it
// open, and this process may not write to its folder. SQLite then needs to be
// told so, since it can't make the files by which it would notice.
func atRest(path string) bool {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return false
	}
	probe, err := os.CreateTemp(filepath.Dir(path), ".probe-*.tmp")
	if err != nil {
		return true
	}
	probe.Close()
	os.Remove(probe.Name())
	return false
}

// Refresh looks for what another process wrote, which Sequence, Len and
// PassagesLen tell from then on, and reports whether there is anything. It is for a store
// that is read only.
func (s *Store) Refresh(ctx context.Context) (changed bool, err error) {
	if s.closed.Load() {
		return false, s.wrap("refresh", ErrClosed)
	}
	changed, err = s.refresh(ctx)
	return changed, s.wrap("refresh", err)
}

func (s *Store) refresh(ctx context.Context) (changed bool, err error) {
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() // it only read
	var sequence, count, passages int64
	if err := tx.QueryRowContext(ctx, "SELECT sequence FROM state").Scan(&sequence); err != nil {
		return false, err
	}
	if sequence > 0 && toUint(sequence) == s.sequence.Load() {
		return false, nil
	}
	const counts = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
	if err := tx.QueryRowContext(ctx, counts).Scan(&count, &passages); err != nil {
		return false, err
	}
	s.count.Store(count)
	s.passages.Store(passages)
	s.sequence.Store(toUint(sequence))
	return true, nil
}

// openPool makes a pool of connections to path. The path goes into a file: URI,
// where any character of it may be escaped.
func openPool(path string, params url.Values) (*sql.DB, error) {
	params.Set("_busy_timeout", "5000") // milliseconds; covers a checkpoint by another connection
	params.Set("_dqs", "0")
	uri := url.URL{Scheme: "file", Path: path, RawQuery: params.Encode()}
	return sql.Open("sqlite", uri.String())
}

// Sequence is the number of the latest write that changed a document; 0 in a
// new store.
func (s *Store) Sequence() uint64 { return s.sequence.Load() }

// Len is the number of documents.
func (s *Store) Len() int { return int(s.count.Load()) }

// PassagesLen is the number of vectors: more than Len if documents were split.
func (s *Store) PassagesLen() int { return int(s.passages.Load()) }

// Close waits for a running write and releases the file. It may be called
// again, and beside other calls; they and later ones return [ErrClosed].
func (s *Store) Close() error {
	s.closing.Do(func() {
		// Wait for our turn, so that a write in progress keeps its outcome.
		if s.writer == nil {
			s.closed.Store(true)
			s.closeErr = s.closePools()
			return
		}
		conn, err := s.writer.Conn(context.Background())
		s.closed.Store(true)
		if err == nil {
			err = conn.Close()
		}
		s.closeErr = errors.Join(err, s.closePools())
	})
	return s.closeErr
}

// closePools closes what Open got to. The writer is last, and so the one that
// folds the WAL into the file.
func (s *Store) closePools() error {
	var errs []error
	if s.byLabel != nil {
		errs = append(errs, s.byLabel.Close())
	}
	for _, pool := range []*sql.DB{s.scans, s.readers, s.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}
