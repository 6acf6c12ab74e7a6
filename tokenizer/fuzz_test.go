package tokenizer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/tokenizer"
)

func FuzzEncode(f *testing.F) {
	for _, c := range testkit.ReadWideGolden(f).Cases {
		f.Add(c.Text)
	}
	const limit = 16
	toks := map[string][2]*tokenizer.Tokenizer{"bert": {open(f, nil), open(f, &tokenizer.Options{MaxTokens: limit})}}
	for _, family := range families {
		whole, short := openFamily(f, family, nil), openFamily(f, family, &tokenizer.Options{MaxTokens: limit})
		toks[family] = [2]*tokenizer.Tokenizer{whole, short}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for family, pair := range toks {
			whole, err := pair[0].Encode(text)
			if errors.Is(err, tokenizer.ErrNUL) && strings.Contains(text, "\x00") && strings.Contains(text, "\U0010FFFD") {
				continue
			}
			if err != nil {
				t.Fatal(family, err)
			}
			if n := len(whole.IDs); n < 2 || whole.Total != n || whole.Truncated() {
				t.Errorf("%s: %d ids, Total %d, Truncated %v", family, n, whole.Total, whole.Truncated())
			}
			short, err := pair[1].Encode(text)
			if err != nil {
				t.Fatal(family, err)
			}
			want := whole.IDs
			if len(want) > limit {
				want = append(slices.Clone(want[:limit-1]), want[len(want)-1])
			}
			if !slices.Equal(short.IDs, want) || short.Total != whole.Total {
				t.Errorf("%s: cut to %v of %d, want %v of %d", family, short.IDs, short.Total, want, whole.Total)
			}
			if n, err := pair[1].CountTokens(text); err != nil || n != whole.Total {
				t.Errorf("%s: CountTokens = %d, %v, want %d", family, n, err, whole.Total)
			}
			if valid, err := pair[0].Encode(asPythonReads(text)); err != nil || !slices.Equal(valid.IDs, whole.IDs) {
				t.Errorf("%s: ids %v, but with U+FFFD for broken UTF-8 %v, %v", family, whole.IDs, valid.IDs, err)
			}
			size := uint32(pair[0].VocabSize())
			if slices.ContainsFunc(whole.IDs, func(id uint32) bool { return id >= size }) {
				t.Errorf("%s: an id of %v is beyond the vocabulary of %d", family, whole.IDs, size)
			}
		}
	})
}

// asPythonReads is bytes.decode(errors="replace"): a broken sequence is as long as some character begins like it.
func asPythonReads(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			for size < len(text) && size < 3 && beginsACharacter(text[:size+1]) {
				size++
			}
		}
		b.WriteRune(r)
		text = text[size:]
	}
	return b.String()
}

// beginsACharacter tries the ways to go on.
func beginsACharacter(s string) bool {
	for _, next := range []string{"\x80", "\xBF", "\x80\x80", "\xBF\x80"} {
		if utf8.RuneCountInString(s+next) == 1 {
			return true
		}
	}
	return false
}
