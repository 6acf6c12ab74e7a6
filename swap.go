package minnow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/minnow-search/minnow/internal/durable"
	"github.com/minnow-search/minnow/store"
)

// A database is replaced as a whole by repairs and reindexing. The new one is
// made under the name makingName and, once it is complete, called newName: that
// decides, and whoever opens the folder next brings the swap to its end.
const (
	makingName = ".minnow.db.making"
	newName    = "minnow.db.new"
	oldName    = "minnow.db.old"
)

// remade makes a database by fill, and puts it in the place of the collection's.
// The old one is left under oldName. The caller has the folder's lock.
func remade(ctx context.Context, dir string, fill func(context.Context, *store.Store) error) error {
	making := filepath.Join(dir, makingName)
	if err := removeDatabase(making); err != nil {
		return err
	}
	s, err := store.Open(making, &store.Options{DeferSync: true})
	if err != nil {
		return err
	}
	if err := fill(ctx, s); err != nil {
		return errors.Join(err, s.Close(), removeDatabase(making))
	}
	if err := s.Close(); err != nil {
		return err
	}
	// Closing folds the log into the file, and can't say if that failed.
	if _, err := os.Stat(making + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("the new database is not whole, perhaps for lack of room: %s-wal is still there", making), err)
	}
	files := durable.OS{}
	if err := files.Rename(making, filepath.Join(dir, newName)); err != nil {
		return err
	}
	if err := files.SyncDir(dir); err != nil {
		return err
	}
	return finishSwap(files, dir)
}

// finishSwap ends a swap that is decided. The log of the old database must be
// gone before the new one has its name, or SQLite would play it into that.
func finishSwap(files durable.FS, dir string) error {
	path := func(name string) string { return filepath.Join(dir, name) }
	if _, err := os.Stat(path(newName)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := files.Rename(path(databaseName+suffix), path(oldName+suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := files.SyncDir(dir); err != nil {
		return err
	}
	if err := files.Rename(path(newName), path(databaseName)); err != nil {
		return err
	}
	return files.SyncDir(dir)
}

func removeDatabase(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// leftover matches what a crash may leave of a backup or of a database that was
// being made.
var leftover = regexp.MustCompile(`^(\.backup-.*\.tmp|\.minnow\.db\.making.*|\.probe-.*\.tmp)$`)

// sweepLeftovers removes what earlier processes could not. What can't be
// removed does no harm.
func (c *Collection) sweepLeftovers() error {
	entries, err := c.files.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !leftover.MatchString(e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(c.dir, e.Name())); err != nil {
			c.log.Warn("remove what a crash left", "error", err)
		}
	}
	return nil
}
