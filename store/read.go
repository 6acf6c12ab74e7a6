package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"
)

const documentColumns = "d.id, d.text, d.metadata, d.hash, d.seq, v.label"

// byLabelSQL takes its labels as a JSON array, so that one prepared statement
// serves any number of them. CROSS JOIN fixes the order: labels first.
const byLabelSQL = "SELECT " + documentColumns + ` FROM json_each(?) j
	CROSS JOIN vectors v ON v.label = j.value
	CROSS JOIN documents d ON d.num = v.document`

// Get returns the document with the ID, without its vector, or [ErrNotFound].
func (s *Store) Get(ctx context.Context, id string) (Document, error) {
	if s.closed.Load() {
		return Document{}, s.wrap("get document", ErrClosed)
	}
	row := s.readers.QueryRowContext(ctx, "SELECT "+documentColumns+
		" FROM documents d JOIN vectors v ON v.document = d.num WHERE d.id = ?", id)
	d, err := scanDocument(row)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return d, s.wrap(fmt.Sprintf("get document %q", id), err)
}

// ByLabel returns the documents whose vectors have the labels, without the
// vectors. Labels that are gone are not in the map.
func (s *Store) ByLabel(ctx context.Context, labels []uint64) (map[uint64]Document, error) {
	const op = "get documents"
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	list := []byte{'['}
	for i, label := range labels {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, toInt(label), 10)
	}
	list = append(list, ']')
	rows, err := s.byLabel.QueryContext(ctx, string(list))
	if err != nil {
		return nil, s.wrap(op, err)
	}
	defer rows.Close()
	found := make(map[uint64]Document, len(labels))
	for rows.Next() {
		d, err := scanDocument(rows)
		if err != nil {
			return nil, s.wrap(op, err)
		}
		found[d.Label] = d
	}
	return found, s.wrap(op, rows.Err())
}

// Hashes returns the hashes of those documents of the IDs that are stored.
func (s *Store) Hashes(ctx context.Context, ids []string) (map[string][32]byte, error) {
	const op = "get hashes"
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	find, err := s.readers.PrepareContext(ctx, "SELECT hash FROM documents WHERE id = ?")
	if err != nil {
		return nil, s.wrap(op, err)
	}
	defer find.Close()
	hashes := make(map[string][32]byte, len(ids))
	for _, id := range ids {
		var raw []byte
		err := find.QueryRowContext(ctx, id).Scan(&raw)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err == nil && len(raw) != 32 {
			err = fmt.Errorf("%w: a hash of %d bytes", ErrDamaged, len(raw))
		}
		if err != nil {
			return nil, s.wrap(op, err)
		}
		hashes[id] = [32]byte(raw)
	}
	return hashes, nil
}

// Documents yields every document, without its vector, in the order in which
// their IDs were first stored. It shows the store as it was when the loop
// began; writes meanwhile, also from the loop's body, go on beside it. It
// holds one document at a time. After an error it ends.
func (s *Store) Documents(ctx context.Context) iter.Seq2[Document, error] {
	const query = "SELECT " + documentColumns + " FROM documents d JOIN vectors v ON v.document = d.num ORDER BY d.num"
	return scan(ctx, s, "read documents", scanDocument, query)
}

// Change is a vector that was added, or a label that was removed.
type Change struct {
	Label    uint64
	Sequence uint64    // of the write that did it
	Vector   []float32 // nil if the label was removed
}

// Changes yields what a graph built at sequence since lacks: each vector added
// after it that is still there, and each label removed after it, in no
// particular order. A label added and removed again comes as removed only.
// Since 0 it yields everything. Like [Store.Documents] it shows one moment.
// It yields [ErrPruned] if since is before the graph that [Store.SetGraph]
// recorded.
func (s *Store) Changes(ctx context.Context, since uint64) iter.Seq2[Change, error] {
	const query = `SELECT label, seq, vector FROM vectors WHERE seq > ?1
		UNION ALL SELECT label, seq, NULL FROM removed WHERE seq > ?1`
	return func(yield func(Change, error) bool) {
		g, err := s.Graph(ctx)
		if err == nil && since > 0 && since < g.Sequence {
			err = fmt.Errorf("read changes since %d: %w", since, ErrPruned)
		}
		if err != nil {
			yield(Change{}, err)
			return
		}
		scan(ctx, s, "read changes", scanChange, query, toInt(since))(yield)
	}
}

// row is what *sql.Row and *sql.Rows have in common.
type row interface{ Scan(...any) error }

// scan yields what read makes of each row of a query.
func scan[T any](ctx context.Context, s *Store, op string, read func(row) (T, error), query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		if s.closed.Load() {
			yield(zero, s.wrap(op, ErrClosed))
			return
		}
		rows, err := s.scans.QueryContext(ctx, query, args...)
		if err != nil {
			yield(zero, s.wrap(op, err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			v, err := read(rows)
			if err == nil {
				err = ctx.Err() // at once, where database/sql takes its time
			}
			if err == nil && s.closed.Load() {
				err = ErrClosed
			}
			if err != nil {
				yield(zero, s.wrap(op, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(zero, s.wrap(op, err))
		}
	}
}

func scanDocument(r row) (Document, error) {
	var d Document
	var metadata string
	var hash []byte
	var seq, label int64
	if err := r.Scan(&d.ID, &d.Text, &metadata, &hash, &seq, &label); err != nil {
		return Document{}, err
	}
	if len(hash) != len(d.Hash) {
		return Document{}, fmt.Errorf("%w: a hash of %d bytes", ErrDamaged, len(hash))
	}
	if metadata != "" {
		d.Metadata = []byte(metadata)
	}
	d.Hash = [32]byte(hash)
	d.Sequence, d.Label = toUint(seq), toUint(label)
	return d, nil
}

func scanChange(r row) (Change, error) {
	var label, seq int64
	var raw []byte
	if err := r.Scan(&label, &seq, &raw); err != nil {
		return Change{}, err
	}
	c := Change{Label: toUint(label), Sequence: toUint(seq)}
	if raw == nil {
		return c, nil
	}
	var err error
	c.Vector, err = decodeVector(raw)
	return c, err
}
