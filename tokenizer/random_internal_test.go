package tokenizer

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Texts makes random texts out of all that a tokenizer may treat in its own way.
type Texts struct {
	*rand.Rand
	words    []string // of the vocabulary
	specials []string
}

var seed = flag.Uint64("seed", 0, "of random texts; 0 takes the clock")

// NewTexts takes words from the tokenizer.json at path, and logs how to get the same texts again.
func NewTexts(t testing.TB, path string) *Texts {
	t.Helper()
	chosen := *seed
	if chosen == 0 {
		chosen = uint64(time.Now().UnixNano())
	}
	t.Logf("again with: go test ./tokenizer -run '^%s$' -seed %d", strings.ReplaceAll(t.Name(), "/", "$/^"), chosen)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Added []struct{ Content string } `json:"added_tokens"`
		Model struct{ Vocab json.RawMessage }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	texts := &Texts{Rand: rand.New(rand.NewPCG(chosen, 0))}
	for _, token := range file.Added {
		texts.specials = append(texts.specials, token.Content)
	}
	byID := map[string]int{}
	if json.Unmarshal(file.Model.Vocab, &byID) == nil {
		for word := range byID {
			texts.words = append(texts.words, word)
		}
	} else {
		var scored [][2]any // Unigram: pairs of word and score
		if err := json.Unmarshal(file.Model.Vocab, &scored); err != nil {
			t.Fatal(err)
		}
		for _, pair := range scored {
			texts.words = append(texts.words, pair[0].(string))
		}
	}
	slices.Sort(texts.words) // a map has no order, and a seed must mean the same texts
	return texts
}

// Next is a text of up to 40 pieces, most of the time.
func (t *Texts) Next() string {
	var b strings.Builder
	mix := 1 + t.IntN(9) // few kinds of pieces in a text: half of them meet more often so
	kinds := make([]int, mix)
	for i := range kinds {
		kinds[i] = t.IntN(len(pieces))
	}
	for range t.IntN(40) {
		b.WriteString(pieces[kinds[t.IntN(mix)]](t))
	}
	return b.String()
}

var pieces = []func(t *Texts) string{
	func(t *Texts) string { return string(rune(t.IntN(utf8.MaxRune + 1))) }, // a surrogate becomes U+FFFD
	func(t *Texts) string { return string(rune(t.IntN(0x3000))) },           // most scripts
	func(t *Texts) string { return string(rune(0xA000 + t.IntN(0x6000))) },  // Hangul, surrogates, presentation forms
	func(t *Texts) string { return string(rune(0x10000 + t.IntN(0x10000))) },
	func(t *Texts) string { return string(rune(0x3000 + t.IntN(0x7000))) }, // Chinese and Japanese
	func(t *Texts) string { return string(rune(0x300 + t.IntN(0x70))) },    // accents
	func(t *Texts) string { return string(rune(t.IntN(0xA0))) },            // ASCII with NUL, control characters
	func(t *Texts) string { return string(rune('!' + t.IntN('/'-'!'+1))) },
	func(t *Texts) string { return string(rune('a' + t.IntN(26))) },
	func(t *Texts) string { return string([]byte{byte(0x80 + t.IntN(0x80))}) }, // broken UTF-8
	func(t *Texts) string { return string(rune(0x800 + t.IntN(0x10F000)))[:2] },
	func(t *Texts) string { return "\x00" },
	func(*Texts) string { return " " },
	func(*Texts) string { return " " },
	func(t *Texts) string {
		return t.one(" ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u2028", "\u3000", "\u0085", "\u200b", "\v")
	},
	func(t *Texts) string {
		return t.one("\u200d", "\ufe0f", "\U0001f3fd", "👩", "🚀", "🇩🇪", "İ", "ß", "ŉ", "ﬃ", "Σ", "ﷺ")
	},
	func(t *Texts) string { return t.one(t.specials...) },
	func(t *Texts) string { s := t.one(t.specials...); return s[:t.IntN(len(s))] },
	func(t *Texts) string { return t.one(t.words...) },
	func(t *Texts) string { return " " + strings.TrimPrefix(t.one(t.words...), "##") },
	func(t *Texts) string { return strings.TrimPrefix(strings.ToUpper(t.one(t.words...)), "##") },
	func(t *Texts) string { return strings.Repeat(t.one(t.words...), t.IntN(60)) }, // words of over 100 characters
}

func (t *Texts) one(of ...string) string { return of[t.IntN(len(of))] }
