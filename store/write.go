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
	// label of its new vector, or 0 where the stored vector was kept.
	Labels []uint64
	// Removed are the labels whose vectors are gone.
	Removed []uint64
}

// Put stores documents in one transaction: all of them, or none. A document
// whose ID is stored replaces the one there. A nil Vector keeps the stored
// vector and its label; [ErrNoVector] is returned if there is none of the same
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
			label, err := w.put(&docs[i])
			if err != nil {
				return fmt.Errorf("document %q: %w", docs[i].ID, err)
			}
			w.receipt.Labels = append(w.receipt.Labels, label)
		}
		return nil
	})
}

// Delete removes the documents with the IDs, in one transaction. IDs that are
// not stored are passed over, so len(Receipt.Removed) documents are gone.
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
	conn, err := s.writer.Conn(ctx) // our turn to write
	if err != nil {
		return Receipt{}, s.wrap(op, err)
	}
	defer conn.Close()
	if err := s.writable(); err != nil {
		return Receipt{}, s.wrap(op, err)
	}
	w := &writing{ctx: context.WithoutCancel(ctx), before: s.sequence.Load()}
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
	return w.receipt, nil
}

// writable tells the holder of the writer connection whether it may write.
func (s *Store) writable() error {
	if s.closed.Load() { // Close came first
		return ErrClosed
	}
	return s.poison
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
	grown   int64 // documents added less documents removed

	find, insert, update, remove     *sql.Stmt
	findLabel, addVector, dropVector *sql.Stmt
	recordRemoval                    *sql.Stmt
}

// prepare compiles the statements of a write. They end with the transaction.
func (w *writing) prepare() error {
	for _, p := range []struct {
		stmt **sql.Stmt
		sql  string
	}{
		{&w.find, "SELECT num, hash, metadata = ? AND text = ? FROM documents WHERE id = ?"},
		{&w.insert, "INSERT INTO documents (id, seq, hash, metadata, text) VALUES (?, ?, ?, ?, ?)"},
		{&w.update, "UPDATE documents SET seq = ?, hash = ?, metadata = ?, text = ? WHERE num = ?"},
		{&w.remove, "DELETE FROM documents WHERE num = ?"},
		{&w.findLabel, "SELECT label FROM vectors WHERE document = ?"},
		{&w.addVector, "INSERT INTO vectors (document, seq, vector) VALUES (?, ?, ?)"},
		{&w.dropVector, "DELETE FROM vectors WHERE label = ?"},
		{&w.recordRemoval, "INSERT INTO removed (label, seq) VALUES (?, ?)"},
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

// put stores one document and returns its new label, or 0 if it kept its own.
func (w *writing) put(d *Document) (label uint64, err error) {
	var num int64
	var hash []byte
	var same bool
	metadata := string(d.Metadata)
	err = w.find.QueryRowContext(w.ctx, metadata, d.Text, d.ID).Scan(&num, &hash, &same)
	found := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	keeps := d.Vector == nil
	if keeps && (!found || string(hash) != string(d.Hash[:])) {
		return 0, ErrNoVector
	}
	if keeps && same {
		return 0, nil
	}
	if found {
		_, err = w.update.ExecContext(w.ctx, w.sequence(), d.Hash[:], metadata, d.Text, num)
	} else {
		num, err = w.inserted(w.insert, d.ID, w.sequence(), d.Hash[:], metadata, d.Text)
		w.grown++
	}
	if err != nil || keeps {
		return 0, err
	}
	if found {
		if err := w.forget(num); err != nil {
			return 0, err
		}
	}
	row, err := w.inserted(w.addVector, num, w.sequence(), encodeVector(d.Vector))
	return toUint(row), err
}

func (w *writing) delete(id string) error {
	var num int64
	var hash []byte
	var same bool
	err := w.find.QueryRowContext(w.ctx, "", "", id).Scan(&num, &hash, &same)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.forget(num); err != nil {
		return err
	}
	_, err = w.remove.ExecContext(w.ctx, num)
	w.grown--
	return err
}

// forget removes the vector of a document and records its label as removed.
func (w *writing) forget(num int64) error {
	var label int64
	if err := w.findLabel.QueryRowContext(w.ctx, num).Scan(&label); err != nil {
		return fmt.Errorf("%w: find its vector: %w", ErrDamaged, err)
	}
	if _, err := w.dropVector.ExecContext(w.ctx, label); err != nil {
		return err
	}
	if _, err := w.recordRemoval.ExecContext(w.ctx, label, w.sequence()); err != nil {
		return err
	}
	w.receipt.Removed = append(w.receipt.Removed, toUint(label))
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
