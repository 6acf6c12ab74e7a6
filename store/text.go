package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"unicode"
)

// maxWords bounds how many words of a query are looked for.
const maxWords = 32

// TextMatch is a document that has words of a query.
type TextMatch struct {
	Label uint64 // of its first passage
	// BM25 is how well it matches, more is better: Okapi BM25 with k1 1.2 and b
	// 0.75, as SQLite's FTS5 computes it (there with the sign turned round).
	BM25 float64
}

// Words splits a text as the full-text index does, at everything that is no
// letter, number or mark, and lists its words once each, as they are written
// first. Two words are one if they differ in case only.
func Words(text string) []string {
	var words []string
	seen := make(map[string]bool)
	for _, word := range strings.FieldsFunc(text, separates) {
		if folded := strings.ToLower(word); !seen[folded] {
			seen[folded] = true
			words = append(words, word)
		}
	}
	return words
}

// separates reports whether unicode61, the index's tokenizer, ends a word at r.
func separates(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Co)
}

// quoted is a word as FTS5's query language wants it. Words hold no quotes.
func quoted(word string) string { return `"` + word + `"` }

// SearchText returns the documents that have one of the words at least, the
// best first, as many as limit. If keep is not nil, it says which are wanted,
// by their first label. Words that more than a tenth of all documents have say
// little and cost the most: they are passed over, unless there are no others.
func (s *Store) SearchText(ctx context.Context, words []string, limit int, keep func(label uint64) bool) ([]TextMatch, error) {
	const op = "search texts"
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	tx, err := s.readers.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.wrap(op, err)
	}
	defer tx.Rollback() // it only read
	match, err := s.telling(ctx, tx, words)
	if err != nil || match == "" {
		return nil, s.wrap(op, err)
	}
	rows, err := tx.QueryContext(ctx, `SELECT -rank, (SELECT min(label) FROM passages WHERE document = words.rowid)
		FROM words WHERE words MATCH ? ORDER BY rank, rowid`, match)
	if err != nil {
		return nil, s.wrap(op, err)
	}
	defer rows.Close()
	var found []TextMatch
	for len(found) < limit && rows.Next() {
		var m TextMatch
		var label int64
		if err := rows.Scan(&m.BM25, &label); err != nil {
			return nil, s.wrap(op, err)
		}
		m.Label = toUint(label)
		if keep == nil || keep(m.Label) {
			found = append(found, m)
		}
	}
	return found, s.wrap(op, rows.Err())
}

// telling chooses the words to search by, as an expression of FTS5.
func (s *Store) telling(ctx context.Context, tx *sql.Tx, words []string) (string, error) {
	common := max(1000, s.Len()/10)
	// Counting ends at what is common, so that it costs little.
	const query = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
	count, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return "", err
	}
	defer count.Close()
	type word struct {
		quoted    string
		documents int
	}
	var rare, all []word
	for _, text := range words[:min(len(words), 4*maxWords)] {
		w := word{quoted: quoted(text)}
		if err := count.QueryRowContext(ctx, w.quoted, common).Scan(&w.documents); err != nil {
			return "", err
		}
		if w.documents > 0 {
			all = append(all, w)
		}
		if w.documents > 0 && w.documents < common {
			rare = append(rare, w)
		}
	}
	chosen := rare
	if len(rare) == 0 {
		chosen = all
	}
	slices.SortStableFunc(chosen, func(a, b word) int { return cmp.Compare(a.documents, b.documents) })
	chosen = chosen[:min(len(chosen), maxWords)]
	terms := make([]string, len(chosen))
	for i, w := range chosen {
		terms[i] = w.quoted
	}
	return strings.Join(terms, " OR "), nil
}

// MatchedWords says which of the words each of the labels' documents has, in
// the order of words.
func (s *Store) MatchedWords(ctx context.Context, words []string, labels []uint64) (map[uint64][]string, error) {
	const op = "find words"
	if s.closed.Load() {
		return nil, s.wrap(op, ErrClosed)
	}
	// The row number comes first, so that FTS5 looks each up in the word's list.
	const query = `SELECT p.label FROM json_each(?) j CROSS JOIN passages p ON p.label = j.value
		CROSS JOIN words w ON w.rowid = p.document WHERE w.words MATCH ?`
	list := labelList(labels)
	found := make(map[uint64][]string, len(labels))
	for _, word := range words[:min(len(words), 4*maxWords)] {
		matching, err := column[int64](s.readers.QueryContext(ctx, query, list, quoted(word)))
		if err != nil {
			return nil, s.wrap(op, err)
		}
		for _, label := range matching {
			found[toUint(label)] = append(found[toUint(label)], word)
		}
	}
	return found, nil
}
