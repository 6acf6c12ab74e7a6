package minnow

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/minnow-search/minnow/store"
)

// RepairReport says what a [Repair] found.
type RepairReport struct {
	Damage    error // what was wrong; nil if nothing was, and nothing was changed
	Documents int   // in the collection now
	Embedded  int   // of these, how many had to be embedded again
	// Lost is how many documents are known to be gone. There may have been more
	// of which nothing is left to be seen.
	Lost int
	// Doubtful are the IDs of documents whose texts are not those that were
	// added: they don't fit their hashes. They are kept as they were read.
	Doubtful []string
}

// Repair makes a collection whose minnow.db is damaged usable again: it reads
// what can be read, row by row, embeds texts whose vectors can't, and puts a
// new database in the place of the old, which stays beside it as minnow.db.old.
// A sound collection is left as it is. Nobody may have it open.
//
// The embedder and the options are those of [Open]. The old ones of Space, M
// and EfConstruction are kept where they can be read.
//
// A database of which not even the list of tables can be read stays
// [ErrDamaged]: restore a backup.
func Repair(ctx context.Context, dir string, e Embedder, o *Options) (RepairReport, error) {
	var report RepairReport
	err := offline(dir, e, o, func(c *Collection) error {
		path := filepath.Join(c.dir, databaseName)
		if report.Damage = inspect(ctx, path); report.Damage == nil {
			return nil
		}
		if !errors.Is(report.Damage, ErrDamaged) {
			return report.Damage
		}
		salvage, err := store.SalvageFile(ctx, path)
		if err != nil {
			return err
		}
		report.Lost = salvage.Lost
		return c.remake(ctx, &salvage, &report)
	})
	return report, wrap("repair "+dir, err)
}

// offline runs work on a collection that nobody has open, and that is not
// opened for it beyond its lock.
func offline(dir string, e Embedder, o *Options, work func(*Collection) error) error {
	if err := checkEmbedder(e); err != nil {
		return err
	}
	c := newCollection(dir, e, o.orDefault())
	err := c.lockDir()
	if err == nil {
		_, err = os.Stat(filepath.Join(c.dir, databaseName))
	}
	if err == nil {
		err = work(c)
	}
	return errors.Join(err, c.release())
}

// inspect opens a database and checks it.
func inspect(ctx context.Context, path string) error {
	s, err := store.Open(path, nil)
	if err != nil {
		return err
	}
	return errors.Join(checkStore(ctx, s), s.Close())
}

// remake makes a new database of what was salvaged.
func (c *Collection) remake(ctx context.Context, salvage *store.Salvage, report *RepairReport) error {
	var err error
	if c.spec, err = parseSpec(salvage.Settings); err != nil {
		if c.spec, err = newSpec(c.embedder, c.options); err != nil {
			return err
		}
	} else if err := c.spec.matches(c.embedder, c.options); err != nil {
		return err
	}
	c.spec.splitter = c.options.Splitter
	progress := c.options.meter("repair", len(salvage.Documents))
	defer progress.end()
	return remade(ctx, c.dir, func(ctx context.Context, s *store.Store) error {
		if err := s.SetSettings(ctx, c.spec.settings()); err != nil {
			return err
		}
		for rows := salvage.Documents; len(rows) > 0; {
			batch := rows[:min(len(rows), loadDocuments)]
			rows = rows[len(batch):]
			if err := c.putSalvaged(ctx, s, batch, report); err != nil {
				return err
			}
			progress.add(len(batch))
		}
		report.Documents = s.Len()
		return nil
	})
}

// putSalvaged stores documents that were read from a damaged database, as far
// as they make sense.
func (c *Collection) putSalvaged(ctx context.Context, s *store.Store, rows []store.Document, report *RepairReport) error {
	var kept, bare []store.Document
	var places []int // of bare ones in kept
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		if row.ID == "" || !utf8.ValidString(row.ID) || !utf8.ValidString(row.Text) || seen[row.ID] {
			report.Lost++
			continue
		}
		seen[row.ID] = true
		doubtful := !isOf(row.Hash, row.Text)
		if _, err := decode(row); err != nil {
			row.Metadata, doubtful = nil, true
		}
		if doubtful {
			report.Doubtful = append(report.Doubtful, row.ID)
		}
		if doubtful || slices.ContainsFunc(row.Passages, func(p store.Passage) bool {
			return p.Start < 0 || p.Start > p.End || p.End > len(row.Text) || c.spec.unfit(p.Vector) != ""
		}) {
			row.Passages = nil
		}
		if row.Passages == nil {
			if row.Text == "" { // its vector was the caller's
				report.Lost++
				continue
			}
			row.Hash = c.spec.hashText(row.Text)
			bare, places = append(bare, row), append(places, len(kept))
		}
		kept = append(kept, row)
	}
	passages, err := c.passages(ctx, bare)
	if err != nil {
		return err
	}
	for i, place := range places {
		kept[place].Passages = passages[i]
	}
	report.Embedded += len(bare)
	_, err = s.Put(ctx, kept)
	return err
}
