package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"slices"
)

// Salvage is what could be read of a damaged file.
type Salvage struct {
	Settings map[string]string // empty if they can't be read
	// Documents are those with a readable row, in the order of [Store.Documents].
	// One of whose vectors any can't be read has no Passages.
	Documents []Document
	// Lost is how many documents have a vector but no readable row.
	Lost int
}

// SalvageFile reads what can be read of a file that may be damaged, row by row.
// It changes nothing. If not even the list of tables can be read it fails with
// [ErrDamaged].
func SalvageFile(ctx context.Context, path string) (Salvage, error) {
	op := "salvage " + path
	s := &Store{} // for wrap
	pool, err := openPool(path, url.Values{"mode": {"ro"}, "_pragma": {"cell_size_check(1)"}})
	if err != nil {
		return Salvage{}, s.wrap(op, err)
	}
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return Salvage{}, s.wrap(op, err)
	}
	defer conn.Close()
	if err := checkFormat(ctx, conn, len(migrations)); err != nil {
		return Salvage{}, s.wrap(op, err)
	}
	r := &salvaging{ctx: ctx, conn: conn}
	passages := rescue(r, "passages", "label", "label, document, first, after, truncated, vector", scanOwned,
		"SELECT seq FROM sqlite_sequence WHERE name = 'passages'", "SELECT max(label) FROM passages")
	documents := rescue(r, "documents", "num", "num, id, text, metadata, hash, seq", scanNumbered,
		"SELECT max(num) FROM documents", "SELECT max(document) FROM passages")
	salvage := join(documents, passages)
	salvage.Settings = r.settings()
	return salvage, s.wrap(op, ctx.Err())
}

// owned is a passage and the row number of its document.
type owned struct {
	Passage
	document int64
}

func scanOwned(r row) (label int64, p owned, err error) {
	var raw []byte
	if err := r.Scan(&label, &p.document, &p.Start, &p.End, &p.Truncated, &raw); err != nil {
		return label, p, err
	}
	p.Vector, err = decodeVector(raw)
	return label, p, err
}

func scanNumbered(r row) (num int64, d Document, err error) {
	var s documentScan
	if err := r.Scan(append([]any{&num}, s.into()...)...); err != nil {
		return num, d, err
	}
	d, err = s.document()
	return num, d, err
}

// join gives documents their passages.
func join(documents map[int64]Document, passages map[int64]owned) Salvage {
	var s Salvage
	parts := make(map[int64][]Passage)
	for _, label := range slices.Sorted(maps.Keys(passages)) {
		p := passages[label]
		parts[p.document] = append(parts[p.document], p.Passage)
	}
	for num := range parts {
		if _, found := documents[num]; !found {
			s.Lost++
		}
	}
	for _, num := range slices.Sorted(maps.Keys(documents)) {
		d := documents[num]
		d.Passages = parts[num]
		s.Documents = append(s.Documents, d)
	}
	return s
}

// salvaging is a damaged file being read.
type salvaging struct {
	ctx  context.Context
	conn *sql.Conn
}

// rescue reads a table by its row numbers, which are dense. From where it can't
// be read on, it tries number by number, up to the largest that one of the
// queries for it tells.
func rescue[T any](r *salvaging, table, key, columns string, read func(row) (int64, T, error), largest ...string) map[int64]T {
	const blind = 1 << 16 // how far to look if nothing tells
	last := int64(0)
	for _, query := range largest {
		var n sql.NullInt64
		if err := r.conn.QueryRowContext(r.ctx, query).Scan(&n); err == nil {
			last = max(last, n.Int64)
		}
	}
	last = cmp.Or(last, blind)

	rows := make(map[int64]T)
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s ", columns, table, key)
	for at := int64(1); at <= last && r.ctx.Err() == nil; at++ {
		from, err := r.conn.QueryContext(r.ctx, query+">= ? ORDER BY "+key, at)
		if err == nil {
			for from.Next() {
				number, v, err := read(from)
				if err == nil {
					rows[number] = v
				}
				at = max(at, number+1)
			}
			err = from.Err()
			from.Close()
		}
		if err == nil {
			break
		}
		if number, v, err := read(r.conn.QueryRowContext(r.ctx, query+"= ?", at)); err == nil {
			rows[number] = v
		}
	}
	return rows
}

func (r *salvaging) settings() map[string]string {
	settings := make(map[string]string)
	rows, err := r.conn.QueryContext(r.ctx, "SELECT name, value FROM settings")
	if err != nil {
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err == nil {
			settings[name] = value
		}
	}
	if rows.Err() != nil {
		return nil
	}
	return settings
}
