package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/store"
)

func found(t *testing.T, s *store.Store, query string, limit int, keep func(uint64) bool) []uint64 {
	t.Helper()
	matches, err := s.SearchText(t.Context(), store.Words(query), limit, keep)
	if err != nil {
		t.Fatalf("SearchText(%q) = %v", query, err)
	}
	labels := []uint64{}
	last := 0.0
	for i, m := range matches {
		labels = append(labels, m.Label)
		if m.BM25 <= 0 || i > 0 && m.BM25 > last {
			t.Errorf("SearchText(%q): BM25 %v at place %d comes after %v", query, m.BM25, i, last)
		}
		last = m.BM25
	}
	return labels
}

func TestSearchTextFollowsEveryWrite(t *testing.T) {
	s := openNew(t)
	put(t, s, doc("a", "a small fish", 1), doc("b", "a big bird and a fish", 2), doc("c", "Ärger über Füße", 3))
	for _, test := range []struct {
		query string
		want  []uint64
	}{
		{"fish", []uint64{1, 2}}, // the shorter text first
		{"FISH bird", []uint64{2, 1}},
		{"fische", []uint64{}},
		{"arger", []uint64{3}},
		{"fuße", []uint64{3}},
		{"", []uint64{}},
		{"!?* ()", []uint64{}},
		{"fish-like", []uint64{1, 2}},
	} {
		if got := found(t, s, test.query, 10, nil); !slices.Equal(got, test.want) {
			t.Errorf("SearchText(%q) = %v, want %v", test.query, got, test.want)
		}
	}
	if got := found(t, s, "fish", 1, nil); !slices.Equal(got, []uint64{1}) {
		t.Errorf("the first of two: %v, want [1]", got)
	}
	if got := found(t, s, "fish", 1, func(label uint64) bool { return label == 2 }); !slices.Equal(got, []uint64{2}) {
		t.Errorf("the first that is wanted: %v, want [2]", got)
	}
	put(t, s, withMetadata(doc("b", "a big bird and a fish"), `{"n":1}`)) // metadata alone
	put(t, s, doc("a", "a whale", 4))
	remove(t, s, "c")
	if got := found(t, s, "fish arger", 10, nil); !slices.Equal(got, []uint64{2}) {
		t.Errorf("after a change: %v, want [2]", got)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// Whatever a user types, FTS5 must not take it for its query language.
func TestNoQueryIsASyntaxError(t *testing.T) {
	s := openNew(t)
	put(t, s, doc("a", "near not and or fish", 1))
	for _, query := range []string{
		`"`, `""`, `'`, `fish"`, `"fish`, `fish*`, `^fish`, `text:fish`, `-fish`, `+fish`, `(fish`, `fish)`, `{fish}`, `fish AND`, `OR`, `NOT`,
		`NEAR(fish, 2)`, `NEAR`, "fish\x00\"", "\x00", `fish ; DROP TABLE documents`, `fish\`, "𝕗𝕚𝕤𝕙 fish", "\u0301", "ﬁsh fish", "\ue000",
		"fish\u200bfish", strings.Repeat("fish ", 10000), strings.Repeat("x", 100000) + " fish",
	} {
		matches, err := s.SearchText(t.Context(), store.Words(query), 5, nil)
		if err != nil {
			t.Errorf("SearchText(%.40q) = %v", query, err)
		}
		words, err := s.MatchedWords(t.Context(), store.Words(query), []uint64{1})
		if err != nil {
			t.Errorf("MatchedWords(%.40q) = %v", query, err)
		}
		if strings.Contains(query, "fish") && (len(matches) != 1 || !slices.ContainsFunc(words[1], func(w string) bool { return strings.EqualFold(w, "fish") })) {
			t.Errorf("%.40q: %d matches with words %q, want fish in one", query, len(matches), words[1])
		}
	}
}

func TestCommonWordsAreLookedForWhereThereAreNoOthers(t *testing.T) {
	s := openNew(t)
	var docs []store.Document
	for i := range 1200 {
		docs = append(docs, doc(fmt.Sprint(i), fmt.Sprintf("the number %d", i), 1))
	}
	put(t, s, docs...)
	if got := found(t, s, "the 17", 10, nil); !slices.Equal(got, []uint64{18}) {
		t.Errorf("a common and a rare word: %v, want [18]", got)
	}
	if got := found(t, s, "the number", 10, nil); len(got) != 10 {
		t.Errorf("common words alone: %d matches, want 10", len(got))
	}
}

func TestMatchedWordsAreThoseOfTheQuery(t *testing.T) {
	s := openNew(t)
	put(t, s, doc("a", "Small FISH swim", 1), doc("b", "birds", 2))
	got, err := s.MatchedWords(t.Context(), store.Words("fish SMALL whale Fish"), []uint64{1, 2, 99})
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(map[uint64][]string{1: {"fish", "SMALL"}}, got); d != "" {
		t.Errorf("MatchedWords: -want +got\n%s", d)
	}
}
