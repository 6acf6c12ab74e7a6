package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/minnow-search/minnow/where"
)

// setFields brings the fields of a document from one metadata to another.
func (w *writing) setFields(num int64, from, to string) error {
	if from == to {
		return nil
	}
	old, err := where.Entries([]byte(from))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	entries, err := where.Entries([]byte(to))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	stays := make(map[where.Entry]bool, len(entries))
	for _, e := range entries {
		stays[e] = true
	}
	for _, e := range old {
		if stays[e] {
			delete(stays, e)
			continue
		}
		if err := w.field(w.dropField, num, e); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if stays[e] {
			if err := w.field(w.addField, num, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// field runs a statement about one field of a document.
func (w *writing) field(change *sql.Stmt, num int64, e where.Entry) error {
	name, known := w.names[e.Field]
	if !known {
		err := w.findName.QueryRowContext(w.ctx, e.Field).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			name, err = w.inserted(w.addName, e.Field)
		}
		if err != nil {
			return err
		}
		w.names[e.Field] = name
	}
	_, err := change.ExecContext(w.ctx, name, int(e.Value.Kind), e.Value.Value, num)
	return err
}

// fillFields makes the fields of all documents: the part of a migration.
func fillFields(ctx context.Context, tx *sql.Tx) error {
	w := &writing{ctx: ctx, tx: tx, names: make(map[string]int64)}
	if err := w.prepare(); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT num, metadata FROM documents WHERE metadata <> ''")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var num int64
		var metadata string
		if err := rows.Scan(&num, &metadata); err != nil {
			return err
		}
		if err := w.setFields(num, "", metadata); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Matches are the labels whose documents fulfil a filter.
type Matches struct {
	Sequence uint64 // of the latest write they take in
	bits     []uint64
}

// Has reports whether the label is among them.
func (m Matches) Has(label uint64) bool {
	return label/64 < uint64(len(m.bits)) && m.bits[label/64]>>(label%64)&1 == 1
}

// Labels lists them, in ascending order. Labels that no vector has any more
// may be among them.
func (m Matches) Labels() []uint64 {
	var labels []uint64
	for i, word := range m.bits {
		for bit := range uint64(64) {
			if word>>bit&1 == 1 {
				labels = append(labels, uint64(i)*64+bit)
			}
		}
	}
	return labels
}

// Match evaluates a filter. Each condition is a range of an index, read in one
// statement; and, or and not join bitmaps.
func (s *Store) Match(ctx context.Context, f where.Filter) (Matches, error) {
	const op = "match metadata"
	if s.closed.Load() {
		return Matches{}, s.wrap(op, ErrClosed)
	}
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return Matches{}, s.wrap(op, err)
	}
	defer tx.Rollback() // it only read
	m, err := s.match(ctx, tx, f)
	return m, s.wrap(op, err)
}

func (s *Store) match(ctx context.Context, tx *sql.Tx, f where.Filter) (m Matches, err error) {
	if err := f.Err(); err != nil {
		return Matches{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var last, sequence int64
	err = tx.QueryRowContext(ctx, "SELECT (SELECT coalesce(max(label), 0) FROM passages), sequence FROM state").Scan(&last, &sequence)
	if err != nil {
		return Matches{}, err
	}
	m.Sequence = toUint(sequence)
	e := evaluation{ctx: ctx, tx: tx, words: int(last/64) + 1}
	m.bits, err = e.eval(f)
	return m, err
}

// evaluation is a filter on its way into a bitmap over the labels.
type evaluation struct {
	ctx   context.Context
	tx    *sql.Tx
	words int // of a bitmap
}

func (e *evaluation) eval(f where.Filter) ([]uint64, error) {
	switch f.Op() {
	case "":
		return e.not(make([]uint64, e.words)), nil
	case where.OpAnd:
		all := e.not(make([]uint64, e.words))
		return e.fold(all, f.Parts(), func(a, b uint64) uint64 { return a & b })
	case where.OpOr:
		return e.fold(make([]uint64, e.words), f.Parts(), func(a, b uint64) uint64 { return a | b })
	case where.OpNot:
		bits, err := e.eval(f.Parts()[0])
		return e.not(bits), err
	case where.OpNe:
		bits, err := e.leaf(f)
		return e.not(bits), err
	default:
		return e.leaf(f)
	}
}

func (e *evaluation) not(bits []uint64) []uint64 {
	for i := range bits {
		bits[i] = ^bits[i]
	}
	return bits
}

func (e *evaluation) fold(into []uint64, parts []where.Filter, join func(a, b uint64) uint64) ([]uint64, error) {
	for _, part := range parts {
		bits, err := e.eval(part)
		if err != nil {
			return nil, err
		}
		for i, word := range bits {
			into[i] = join(into[i], word)
		}
	}
	return into, nil
}

// leaf evaluates a condition.
func (e *evaluation) leaf(f where.Filter) ([]uint64, error) {
	bits := make([]uint64, e.words)
	var name int64
	err := e.tx.QueryRowContext(e.ctx, "SELECT num FROM names WHERE name = ?", f.Field()).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return bits, nil
	}
	if err != nil {
		return nil, err
	}
	if f.Op() == where.OpExists {
		return bits, e.mark(bits, "", name)
	}
	for _, v := range f.Values() {
		condition, args := conditionOf(f.Op(), v)
		if err := e.mark(bits, condition, append([]any{name}, args...)...); err != nil {
			return nil, err
		}
	}
	return bits, nil
}

// conditionOf is a condition on the columns kind and value.
func conditionOf(op where.Op, v where.Value) (condition string, args []any) {
	comparison := map[where.Op]string{
		where.OpEq: "=", where.OpNe: "=", where.OpIn: "=",
		where.OpLt: "<", where.OpLe: "<=", where.OpGt: ">", where.OpGe: ">=", where.OpPrefix: ">=",
	}[op]
	condition, args = " AND f.kind = ? AND f.value "+comparison+" ?", []any{int(v.Kind), v.Value}
	if op == where.OpPrefix {
		if after, bounded := afterPrefix(v.Value.(string)); bounded {
			condition, args = condition+" AND f.value < ?", append(args, after)
		}
	}
	return condition, args
}

// afterPrefix is the least string that is greater than all that begin with
// prefix. There is none if prefix is all of the greatest character.
func afterPrefix(prefix string) (after string, bounded bool) {
	const first, last = 0xd800, 0xdfff // surrogates, which no string has
	runes := []rune(prefix)
	for i, r := range slices.Backward(runes) {
		switch {
		case r == '\U0010FFFF':
			continue
		case r+1 == first:
			r = last
		}
		return string(runes[:i]) + string(r+1), true
	}
	return "", false
}

// mark sets the bits of the labels whose documents have a field that fulfils
// the condition. The labels come in one row: a row each would cost more than to
// find them.
func (e *evaluation) mark(bits []uint64, condition string, args ...any) error {
	const query = `SELECT group_concat(p.label) FROM fields f CROSS JOIN passages p ON p.document = f.document WHERE f.name = ?`
	labels, err := scanLabels(e.tx.QueryRowContext(e.ctx, query+condition, args...))
	for _, label := range labels {
		if label/64 >= uint64(len(bits)) {
			return fmt.Errorf("%w: label %d is beyond the largest", ErrDamaged, label)
		}
		bits[label/64] |= 1 << (label % 64)
	}
	return err
}
