package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/minnow-search/minnow/where"
)

const documentColumns = "d.id, d.text, d.metadata, d.hash, d.seq"

// byLabelSQL takes its labels as a JSON array, so that one prepared statement
// serves any number of them. CROSS JOIN fixes the order: labels first.
const byLabelSQL = "SELECT " + documentColumns + `, p.label, p.first, p.after, p.truncated FROM json_each(?) j
	CROSS JOIN passages p ON p.label = j.value
	CROSS JOIN documents d ON d.num = p.document`

// Row is a passage and the document that it is of, both without vectors.
type Row struct {
	Document Document
	Passage  Passage
}

// Get returns the document with the ID, without its passages, or [ErrNotFound].
func (s *Store) Get(ctx context.Context, id string) (Document, error) {
	if s.closed.Load() {
		return Document{}, s.wrap("get document", ErrClosed)
	}
	row := s.readers.QueryRowContext(ctx, "SELECT "+documentColumns+" FROM documents d WHERE d.id = ?", id)
	d, err := scanDocument(row)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return d, s.wrap(fmt.Sprintf("get document %q", id), err)
}

// Passages returns the passages of the document with the ID, with vectors, in
// the order in which they were put, or [ErrNotFound].
func (s *Store) Passages(ctx context.Context, id string) ([]Passage, error) {
	op := fmt.Sprintf("get passages of %q", id)
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	rows, err := s.readers.QueryContext(ctx, `SELECT p.label, p.first, p.after, p.truncated, p.vector
		FROM documents d CROSS JOIN passages p ON p.document = d.num WHERE d.id = ? ORDER BY p.label`, id)
	if err != nil {
		return nil, s.wrap(op, err)
	}
	defer rows.Close()
	var passages []Passage
	for rows.Next() {
		var p Passage
		var label int64
		var raw []byte
		if err := rows.Scan(&label, &p.Start, &p.End, &p.Truncated, &raw); err != nil {
			return nil, s.wrap(op, err)
		}
		p.Label = toUint(label)
		if p.Vector, err = decodeVector(raw); err != nil {
			return nil, s.wrap(op, err)
		}
		passages = append(passages, p)
	}
	err = rows.Err()
	if err == nil && len(passages) == 0 {
		err = ErrNotFound
	}
	return passages, s.wrap(op, err)
}

// ByLabel returns the passages that have the labels, and their documents.
// Labels that are gone are not in the map.
func (s *Store) ByLabel(ctx context.Context, labels []uint64) (map[uint64]Row, error) {
	const op = "get documents"
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	rows, err := s.byLabel.QueryContext(ctx, labelList(labels))
	if err != nil {
		return nil, s.wrap(op, err)
	}
	defer rows.Close()
	found := make(map[uint64]Row, len(labels))
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return nil, s.wrap(op, err)
		}
		found[r.Passage.Label] = r
	}
	return found, s.wrap(op, rows.Err())
}

// FirstLabels returns, for each of the labels that is stored, the first label
// of the same document: equal ones are of one document.
func (s *Store) FirstLabels(ctx context.Context, labels []uint64) (map[uint64]uint64, error) {
	const query = `SELECT p.label, (SELECT min(label) FROM passages WHERE document = p.document)
		FROM json_each(?) j CROSS JOIN passages p ON p.label = j.value`
	return s.labelPairs(ctx, query, labels)
}

// Siblings returns all labels of the documents that have the labels, each with
// the first label of its document.
func (s *Store) Siblings(ctx context.Context, labels []uint64) (map[uint64]uint64, error) {
	const query = `SELECT q.label, (SELECT min(label) FROM passages WHERE document = q.document)
		FROM json_each(?) j CROSS JOIN passages p ON p.label = j.value CROSS JOIN passages q ON q.document = p.document`
	return s.labelPairs(ctx, query, labels)
}

func (s *Store) labelPairs(ctx context.Context, query string, labels []uint64) (map[uint64]uint64, error) {
	const op = "get labels"
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	rows, err := s.readers.QueryContext(ctx, query, labelList(labels))
	if err != nil {
		return nil, s.wrap(op, err)
	}
	defer rows.Close()
	pairs := make(map[uint64]uint64, len(labels))
	for rows.Next() {
		var label, first int64
		if err := rows.Scan(&label, &first); err != nil {
			return nil, s.wrap(op, err)
		}
		pairs[toUint(label)] = toUint(first)
	}
	return pairs, s.wrap(op, rows.Err())
}

// AllPassages yields every passage with its document's ID, in the order of
// labels, with its vector if that is asked for, which is most of what there is
// to read. Like [Store.Documents] it shows one moment.
func (s *Store) AllPassages(ctx context.Context, vectors bool) iter.Seq2[NamedPassage, error] {
	const columns = "SELECT p.label, d.id, p.first, p.after, p.truncated, "
	const tables = " FROM passages p CROSS JOIN documents d ON d.num = p.document ORDER BY p.label"
	query := columns + "NULL" + tables
	if vectors {
		query = columns + "p.vector" + tables
	}
	return scan(ctx, s, s.scans, "read passages", func(r row) (n NamedPassage, err error) {
		var label int64
		var raw sql.RawBytes
		if err = r.Scan(&label, &n.ID, &n.Start, &n.End, &n.Truncated, &raw); err != nil {
			return n, err
		}
		n.Label = toUint(label)
		if vectors {
			n.Vector, err = decodeVector(raw)
		}
		return n, err
	}, query)
}

// NamedPassage is a passage and whose it is.
type NamedPassage struct {
	Passage
	ID string
}

// Labels returns all labels, in ascending order.
func (s *Store) Labels(ctx context.Context) ([]uint64, error) {
	const op = "get labels"
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	labels, err := scanLabels(s.readers.QueryRowContext(ctx, "SELECT group_concat(label) FROM (SELECT label FROM passages ORDER BY label)"))
	return labels, s.wrap(op, err)
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

// Documents yields every document, without its passages, in the order in which
// their IDs were first stored. It shows the store as it was when the loop
// began; writes meanwhile, also from the loop's body, go on beside it. It
// holds one document at a time. After an error it ends.
func (s *Store) Documents(ctx context.Context) iter.Seq2[Document, error] {
	const query = "SELECT " + documentColumns + " FROM documents d ORDER BY d.num"
	return scan(ctx, s, s.scans, "read documents", scanDocument, query)
}

// DocumentsWhere is Documents for those whose metadata fulfils the filter.
func (s *Store) DocumentsWhere(ctx context.Context, f where.Filter) iter.Seq2[Document, error] {
	const op = "read documents"
	const query = "SELECT " + documentColumns + ` FROM documents d WHERE d.num IN
		(SELECT p.document FROM json_each(?) j CROSS JOIN passages p ON p.label = j.value) ORDER BY d.num`
	return func(yield func(Document, error) bool) {
		if s.closed.Load() {
			yield(Document{}, s.wrap(op, ErrClosed))
			return
		}
		// One transaction: what matched is what is read.
		tx, err := s.scans.BeginTx(ctx, nil)
		if err != nil {
			yield(Document{}, s.wrap(op, err))
			return
		}
		defer tx.Rollback() // it only read
		m, err := s.match(ctx, tx, f)
		if err != nil {
			yield(Document{}, s.wrap(op, err))
			return
		}
		scan(ctx, s, tx, op, scanDocument, query, labelList(m.Labels()))(yield)
	}
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
	const query = `SELECT label, seq, vector FROM passages WHERE seq > ?1
		UNION ALL SELECT label, seq, NULL FROM removed WHERE seq > ?1`
	const op = "read changes"
	return func(yield func(Change, error) bool) {
		if s.closed.Load() {
			yield(Change{}, s.wrap(op, ErrClosed))
			return
		}
		// One transaction: a graph that is saved between the question and the
		// reading would take removals away.
		tx, err := s.scans.BeginTx(ctx, nil)
		if err != nil {
			yield(Change{}, s.wrap(op, err))
			return
		}
		defer tx.Rollback() // it only read
		var graph int64
		err = tx.QueryRowContext(ctx, "SELECT graph_sequence FROM state").Scan(&graph)
		if err == nil && since > 0 && since < toUint(graph) {
			err = fmt.Errorf("since %d: %w", since, ErrPruned)
		}
		if err != nil {
			yield(Change{}, s.wrap(op, err))
			return
		}
		scan(ctx, s, tx, op, scanChange, query, toInt(since))(yield)
	}
}

// row is what *sql.Row and *sql.Rows have in common.
type row interface{ Scan(...any) error }

// queryer is what can be asked: a pool of connections, or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scan yields what read makes of each row of a query.
func scan[T any](ctx context.Context, s *Store, from queryer, op string, read func(row) (T, error), query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		if s.closed.Load() {
			yield(zero, s.wrap(op, ErrClosed))
			return
		}
		rows, err := from.QueryContext(ctx, query, args...)
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
	var s documentScan
	if err := r.Scan(s.into()...); err != nil {
		return Document{}, err
	}
	return s.document()
}

func scanRow(r row) (Row, error) {
	var s documentScan
	var row Row
	var label int64
	p := &row.Passage
	if err := r.Scan(append(s.into(), &label, &p.Start, &p.End, &p.Truncated)...); err != nil {
		return Row{}, err
	}
	p.Label = toUint(label)
	var err error
	row.Document, err = s.document()
	if err == nil && (p.Start < 0 || p.Start > p.End || p.End > len(row.Document.Text)) {
		err = fmt.Errorf("%w: the passage %d:%d of %q is outside of its text", ErrDamaged, p.Start, p.End, row.Document.ID)
	}
	return row, err
}

// documentScan is a document as documentColumns give it.
type documentScan struct {
	id, text, metadata string
	hash               []byte
	seq                int64
}

func (s *documentScan) into() []any { return []any{&s.id, &s.text, &s.metadata, &s.hash, &s.seq} }

func (s *documentScan) document() (Document, error) {
	d := Document{ID: s.id, Text: s.text, Sequence: toUint(s.seq)}
	if len(s.hash) != len(d.Hash) {
		return Document{}, fmt.Errorf("%w: a hash of %d bytes", ErrDamaged, len(s.hash))
	}
	d.Hash = [32]byte(s.hash)
	if s.metadata != "" {
		d.Metadata = []byte(s.metadata)
	}
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
