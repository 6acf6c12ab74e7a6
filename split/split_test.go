package split_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/minnow-search/minnow/split"
)

// words counts words, a long one as several tokens, and two special tokens.
type words struct{ max int }

func (words) ID() string       { return "words" }
func (w words) MaxTokens() int { return w.max }

func (words) CountTokens(text string) (int, error) {
	n := 2
	for word := range strings.FieldsSeq(text) {
		n += (utf8.RuneCountInString(word) + 9) / 10
	}
	return n, nil
}

func parts(t *testing.T, s *split.Splitter, text string) []string {
	t.Helper()
	spans, err := s.Split(text)
	if err != nil {
		t.Fatalf("Split(%.40q) = %v", text, err)
	}
	var got []string
	for _, span := range spans {
		got = append(got, text[span[0]:span[1]])
	}
	return got
}

func ExampleSentences() {
	text := "Minnows are small. They live in rivers. Some swim upstream in spring."
	s := split.Sentences(words{max: 9}, nil)
	spans, err := s.Split(text)
	for _, span := range spans {
		fmt.Printf("%q\n", text[span[0]:span[1]])
	}
	fmt.Println(err)
	// Output:
	// "Minnows are small. They live in rivers."
	// "Some swim upstream in spring."
	// <nil>
}

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		name, text string
		max        int
		overlap    int
		want       []string
	}{
		{"what fits is whole, spaces and all", " One two. Three. ", 10, 0, []string{" One two. Three. "}},
		{"whole sentences", "One two. Three four! Five six? Seven.", 6, 0, []string{"One two. Three four!", "Five six? Seven."}},
		{"an overlap of a sentence", "One. Two. Three. Four. Five.", 5, 1, []string{"One. Two. Three.", "Three. Four. Five."}},
		{"no room for an overlap", "One two. Three four. Five six.", 4, 1, []string{"One two.", "Three four.", "Five six."}},
		{"a sentence that is too long", "a b c d e f g h", 6, 0, []string{"a b c d", "e f g h"}},
		{"a word that is too long", strings.Repeat("x", 40), 4, 0, []string{strings.Repeat("x", 20), strings.Repeat("x", 20)}},
		{"paragraphs", "One two three\n\nfour five six", 5, 0, []string{"One two three", "four five six"}},
		{"no spaces at all", "小さな魚。大きな鳥。", 3, 0, []string{"小さな魚。大きな鳥。"}},
		{"the empty text", "", 3, 0, []string{""}},
	} {
		s := split.Sentences(words{test.max}, &split.Options{Overlap: test.overlap})
		if got := parts(t, s, test.text); strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Whatever the text: passages fit, cover all that is no white space, are cut
// between characters, and go forward.
func TestEveryPassageFitsAndNothingIsLost(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 5))
	alphabet := []rune("abc  .!?\n\nö魚🐟\u0301\u200dX")
	for range 2000 {
		var b strings.Builder
		for range r.IntN(200) {
			b.WriteRune(alphabet[r.IntN(len(alphabet))])
		}
		text := b.String()
		w := words{3 + r.IntN(10)}
		s := split.Sentences(w, &split.Options{Overlap: r.IntN(8)})
		spans, err := s.Split(text)
		if err != nil {
			t.Fatal(err)
		}
		covered := 0
		last := [2]int{-1, -1}
		for _, span := range spans {
			part := text[span[0]:span[1]]
			if n, _ := w.CountTokens(part); n > w.max && utf8.RuneCountInString(part) > 1 {
				t.Fatalf("passage %q of %q has %d tokens, more than %d", part, text, n, w.max)
			}
			if !utf8.ValidString(part) || span[0] <= last[0] || span[1] <= last[1] {
				t.Fatalf("passage %v after %v of %q", span, last, text)
			}
			if span[0] > covered && strings.TrimSpace(text[covered:span[0]]) != "" {
				t.Fatalf("%q of %q is in no passage", text[covered:span[0]], text)
			}
			covered, last = span[1], span
		}
		if strings.TrimSpace(text[covered:]) != "" {
			t.Fatalf("the end %q of %q is in no passage", text[covered:], text)
		}
	}
}

func TestIDNamesWhatDecides(t *testing.T) {
	a, b := split.Sentences(words{100}, nil), split.Sentences(words{100}, &split.Options{MaxTokens: 500})
	if a.ID() != b.ID() {
		t.Errorf("%q and %q cut alike", a.ID(), b.ID())
	}
	if c := split.Sentences(words{100}, &split.Options{Overlap: 5}); c.ID() == a.ID() {
		t.Errorf("%q is of two ways of cutting", c.ID())
	}
}

// broken can't count.
type broken struct{ words }

var errBroken = errors.New("broken")

func (broken) CountTokens(string) (int, error) { return 0, errBroken }

func TestWhatCannotBeCounted(t *testing.T) {
	if _, err := split.Sentences(broken{words{9}}, nil).Split("text"); !errors.Is(err, errBroken) {
		t.Errorf("Split by a broken counter = %v", err)
	}
	if _, err := split.Sentences(words{2}, nil).Split("text"); err == nil {
		t.Error("Split with no room for a token = nil, want an error")
	}
}
