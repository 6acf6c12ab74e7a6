package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Receipt says what a write did.
type Receipt struct {
	// Sequence is the number of the write, or that of the latest one before
	// if there was nothing to change.
	Sequence uint64
	// Labels has an entry for each document of a [Store.Put], in order: the
	// labels of its new passages, or nil where the stored ones were kept.
	Labels [][]uint64
	// Removed are the labels whose vectors are gone.
	Removed []uint64
	// Deleted is how many documents a [Store.Delete] removed.
	Deleted int
}

// Put stores documents in one transaction: all of them, or none. A document
// whose ID is stored replaces the one there. Nil Passages keep the stored ones
// and their labels; [ErrNoVector] is returned if there are none of the same
// hash. A document that is stored already, in every byte, costs no write.
//
// The documents are only read. Their IDs must differ. The context is honoured
// between documents, up to the commit.
func (s *Store) Put(ctx context.Context, docs []Document) (Receipt, error) {
	if err := validateAll(docs); err != nil {
		return Receipt{}, s.wrap("put documents", err)
	}
	return s.write(ctx, "put documents", func(w *writing) error {
		for i := range docs {
			if err := ctx.Err(); err != nil {
				return err
			}
			labels, err := w.put(&docs[i])
			if err != nil {
				return fmt.Errorf("document %q: %w", docs[i].ID, err)
			}
			w.receipt.Labels = append(w.receipt.Labels, labels)
		}
		return nil
	})
}

// Delete removes the documents with the IDs, in one transaction. IDs that are
// not stored are passed over.
func (s *Store) Delete(ctx context.Context, ids []string) (Receipt, error) {
	return s.write(ctx, "delete documents", func(w *writing) error {
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := w.delete(id); err != nil {
				return fmt.Errorf("document %q: %w", id, err)
			}
		}
		return nil
	})
}

// write runs body in a transaction and commits it if it changed something.
//
// The statements run without the caller's cancellation, and bodies look at the
// context themselves. Otherwise the driver could be interrupted inside COMMIT,
// and the caller could not tell whether the write happened.
func (s *Store) write(ctx context.Context, op string, body func(*writing) error) (Receipt, error) {
	conn, err := s.writeTurn(ctx)
	if err != nil {
		return Receipt{}, s.wrap(op, err)
	}
	defer conn.Close()
	w := &writing{ctx: context.WithoutCancel(ctx), before: s.sequence.Load(), names: make(map[string]int64)}
	w.receipt.Sequence = w.before
	if w.tx, err = conn.BeginTx(w.ctx, nil); err != nil {
		return Receipt{}, s.wrap(op, err)
	}
	defer w.tx.Rollback() // after a Commit it does nothing
	if err := w.prepare(); err != nil {
		return Receipt{}, s.wrap(op, err)
	}
	if err := body(w); err != nil {
		return Receipt{}, s.wrap(op, err)
	}
	if w.receipt.Sequence == w.before {
		return w.receipt, nil
	}
	if _, err := w.tx.ExecContext(w.ctx, "UPDATE state SET sequence = ?", toInt(w.receipt.Sequence)); err != nil {
		return Receipt{}, s.wrap(op, err)
	}
	if err := s.commit(w.tx); err != nil {
		return Receipt{}, s.wrap(op, err)
	}
	s.sequence.Store(w.receipt.Sequence)
	s.count.Add(w.grown)
	s.passages.Add(w.passages)
	return w.receipt, nil
}

// writeTurn waits for our turn to write: for the one connection that does. The
// caller closes it.
func (s *Store) writeTurn(ctx context.Context) (*sql.Conn, error) {
	if s.writer == nil {
		return nil, ErrReadOnly
	}
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return nil, err
	}
	err = s.poison
	if s.closed.Load() { // Close came first
		err = ErrClosed
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// commit refuses all later writes once the disk has failed under a commit:
// after a failed fsync nobody knows what is on it.
func (s *Store) commit(tx *sql.Tx) error {
	err := tx.Commit()
	if isIO(err) {
		s.poison = fmt.Errorf("an earlier commit failed, reopen the store: %w", err)
	}
	return err
}

// writing is one transaction in progress.
type writing struct {
	ctx     context.Context // without cancellation; lives no longer than write
	tx      *sql.Tx
	before  uint64 // sequence of the latest committed write
	receipt Receipt

	grown, passages int64            // how many more there are
	names           map[string]int64 // of fields, as far as they came up

	find, insert, update, remove        *sql.Stmt
	findLabels, addPassage, dropPassage *sql.Stmt
	recordRemoval                       *sql.Stmt
	findName, addName                   *sql.Stmt
	addField, dropField                 *sql.Stmt
}

// prepare compiles the statements of a write. They end with the transaction.
func (w *writing) prepare() error {
	for _, p := range []struct {
		stmt **sql.Stmt
		sql  string
	}{
		{&w.find, "SELECT num, hash, metadata, metadata = ? AND text = ? FROM documents WHERE id = ?"},
		{&w.insert, "INSERT INTO documents (id, seq, hash, metadata, text) VALUES (?, ?, ?, ?, ?)"},
		{&w.update, "UPDATE documents SET seq = ?, hash = ?, metadata = ?, text = ? WHERE num = ?"},
		{&w.remove, "DELETE FROM documents WHERE num = ?"},
		{&w.findLabels, "SELECT label FROM passages WHERE document = ? ORDER BY label"},
		{&w.addPassage, "INSERT INTO passages (document, seq, first, after, truncated, vector) VALUES (?, ?, ?, ?, ?, ?)"},
		{&w.dropPassage, "DELETE FROM passages WHERE label = ?"},
		{&w.recordRemoval, "INSERT INTO removed (label, seq) VALUES (?, ?)"},
		{&w.findName, "SELECT num FROM names WHERE name = ?"},
		{&w.addName, "INSERT INTO names (name) VALUES (?)"},
		{&w.addField, "INSERT INTO fields (name, kind, value, document) VALUES (?, ?, ?, ?)"},
		{&w.dropField, "DELETE FROM fields WHERE name = ? AND kind = ? AND value = ? AND document = ?"},
	} {
		var err error
		if *p.stmt, err = w.tx.PrepareContext(w.ctx, p.sql); err != nil {
			return err
		}
	}
	return nil
}

// sequence is the number of this write, taken on its first change.
func (w *writing) sequence() int64 {
	w.receipt.Sequence = w.before + 1
	return toInt(w.receipt.Sequence)
}

// stored is what a write needs to know of a document that is there.
type stored struct {
	num      int64
	hash     []byte
	metadata string
	same     bool // in metadata and text
}

// lookUp finds the document of d's ID, and compares it with d.
func (w *writing) lookUp(id, metadata, text string) (old stored, found bool, err error) {
	err = w.find.QueryRowContext(w.ctx, metadata, text, id).Scan(&old.num, &old.hash, &old.metadata, &old.same)
	if errors.Is(err, sql.ErrNoRows) {
		return stored{}, false, nil
	}
	return old, err == nil, err
}

// put stores one document and returns its new labels, or nil if it kept its own.
func (w *writing) put(d *Document) (labels []uint64, err error) {
	metadata := string(d.Metadata)
	old, found, err := w.lookUp(d.ID, metadata, d.Text)
	if err != nil {
		return nil, err
	}
	keeps := d.Passages == nil
	if keeps && (!found || string(old.hash) != string(d.Hash[:])) {
		return nil, ErrNoVector
	}
	if keeps && old.same {
		return nil, nil
	}
	num := old.num
	if found {
		_, err = w.update.ExecContext(w.ctx, w.sequence(), d.Hash[:], metadata, d.Text, num)
	} else {
		num, err = w.inserted(w.insert, d.ID, w.sequence(), d.Hash[:], metadata, d.Text)
		w.grown++
	}
	if err != nil {
		return nil, err
	}
	if err := w.setFields(num, old.metadata, metadata); err != nil || keeps {
		return nil, err
	}
	if found {
		if err := w.forget(num); err != nil {
			return nil, err
		}
	}
	for _, p := range d.Passages {
		row, err := w.inserted(w.addPassage, num, w.sequence(), p.Start, p.End, p.Truncated, encodeVector(p.Vector))
		if err != nil {
			return nil, err
		}
		w.passages++
		labels = append(labels, toUint(row))
	}
	return labels, nil
}

func (w *writing) delete(id string) error {
	old, found, err := w.lookUp(id, "", "")
	if err != nil || !found {
		return err
	}
	if err := w.forget(old.num); err != nil {
		return err
	}
	if err := w.setFields(old.num, old.metadata, ""); err != nil {
		return err
	}
	_, err = w.remove.ExecContext(w.ctx, old.num)
	w.grown--
	w.receipt.Deleted++
	return err
}

// forget removes the vectors of a document and records their labels as removed.
func (w *writing) forget(num int64) error {
	labels, err := column[int64](w.findLabels.QueryContext(w.ctx, num))
	if err == nil && len(labels) == 0 {
		err = fmt.Errorf("%w: it has no vector", ErrDamaged)
	}
	if err != nil {
		return err
	}
	for _, label := range labels {
		if _, err := w.dropPassage.ExecContext(w.ctx, label); err != nil {
			return err
		}
		if _, err := w.recordRemoval.ExecContext(w.ctx, label, w.sequence()); err != nil {
			return err
		}
		w.passages--
		w.receipt.Removed = append(w.receipt.Removed, toUint(label))
	}
	return nil
}

// inserted runs an INSERT and returns the row number it got.
func (w *writing) inserted(insert *sql.Stmt, args ...any) (int64, error) {
	res, err := insert.ExecContext(w.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}
