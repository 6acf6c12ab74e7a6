package tokenizer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/tokenizer"
)

func TestTokensSayWhereTheyLieInTheText(t *testing.T) {
	tok := open(t, nil)
	for text, want := range map[string][]string{
		"Swimming  unbelievably": {"swimming Swimming", "un un", "##bel bel", "##ie ie", "##va va", "##bly bly"},
		"naïve NAI\u0308VE 鱼":    {"naive naïve", "naive NAI\u0308VE", "[UNK] 鱼"},
		"a\x00b\xffc\xe2\x82 d":  {"abc a\x00b\xffc", "d d"},
		"[SEP]\x00x":             {"[SEP] [SEP]", "x x"},
		"👩‍🚀!":                   {"[UNK] 👩‍🚀", "! !"},
		"":                       {},
	} {
		tokens, err := tok.Tokens(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, token := range tokens[1 : len(tokens)-1] {
			got = append(got, token.Text+" "+text[token.Start:token.End])
		}
		if !slices.Equal(got, want) {
			t.Errorf("Tokens(%q): %q, want %q", text, got, want)
		}
	}
}

func TestTokensAreThoseOfEncode(t *testing.T) {
	long := strings.Repeat("The small fish 鱼 swims! ", 20_000) // many parts
	for _, limit := range []int{0, 256} {
		tok := open(t, &tokenizer.Options{MaxTokens: limit})
		texts := []string{long}
		for _, c := range testkit.ReadWideGolden(t).Cases {
			texts = append(texts, c.Text)
		}
		for _, text := range texts {
			e, err := tok.Encode(text)
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := tok.Tokens(text)
			if err != nil {
				t.Fatal(err)
			}
			var ids []uint32
			last := 0
			for _, token := range tokens {
				ids = append(ids, token.ID)
				if token.Special {
					continue
				}
				if token.Start < last && token.Start > token.End || token.End > len(text) {
					t.Fatalf("%.40q: token %+v after byte %d of %d", text, token, last, len(text))
				}
				last = token.End
			}
			if diff := cmp.Diff(e.IDs, ids); diff != "" {
				t.Fatalf("%.40q: ids of Encode and of Tokens (+):\n%s", text, diff)
			}
		}
	}
}

func TestCountTokensIsTheTotalOfEncode(t *testing.T) {
	tok := open(t, &tokenizer.Options{MaxTokens: 8})
	for _, c := range testkit.ReadWideGolden(t).Cases {
		if n, err := tok.CountTokens(c.Text); err != nil || n != c.Total {
			t.Errorf("CountTokens(%.40q) = %d, %v, want %d", c.Text, n, err, c.Total)
		}
	}
}
