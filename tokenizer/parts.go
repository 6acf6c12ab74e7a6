package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/daulet/tokenizers"
)

// Long texts are encoded in parts, since the Rust library takes up to 500 bytes of memory for each byte of text, for
// all that Python can ask of an encoding. The ids must be those of the whole text, so a text is cut only where this
// holds:
//
//   - No added token lies across the cut, and none looks beyond it: contents are printable ASCII without spaces,
//     the characters before which a text is cut are in none, and no token must be a word of its own or takes the space
//     after it.
//   - Normalizers treat what is left of the cut as if it were the end, and what is right of it as if it were the
//     beginning: they look at one character at a time, or at one with its accents, and an accent belongs to what stands
//     before it.
//   - The pre-tokenizer has a word end there anyway. Models look words up one by one.
//
// BERT's pre-tokenizer ends words at spaces, drops these, and makes words of their own of punctuation and, thanks to
// the normalizer, of Chinese characters. In the others the space is part of the word that follows it (Ġthe, ▁the), so
// they are cut before a space that stands alone between two letters.

// partBytes is how much of a long text the Rust library gets at a time, if there is a place to cut.
const partBytes = 64 << 10

// borders says where a text may be cut.
type borders struct {
	before [utf8.RuneSelf]bool // before these characters
	han    bool                // before Chinese characters
	words  bool                // before a space between two ASCII letters or digits
}

// borders returns nil for tokenizers that are not known well enough.
func (f *file) borders() *borders {
	for _, token := range f.added {
		if token.SingleWord || token.RStrip || strings.ContainsFunc(token.Content, notPrintable) {
			return nil
		}
	}
	switch kinds := types(f.preTokenizers); {
	case slices.Equal(kinds, []string{"BertPreTokenizer"}):
		return f.bertBorders()
	case slices.ContainsFunc(f.normalizers, looksFar):
		return nil
	case slices.Equal(kinds, []string{"ByteLevel"}):
		if isTrue(f.preTokenizers[0].UseRegex) { // a pattern that has spaces at the beginning of a word alone
			return &borders{words: true}
		}
	case slices.Equal(kinds, []string{"Metaspace"}), slices.Equal(kinds, []string{"WhitespaceSplit", "Metaspace"}):
		if isTrue(f.preTokenizers[len(kinds)-1].Split) {
			return &borders{words: true}
		}
	}
	return nil
}

func notPrintable(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }

func (f *file) bertBorders() *borders {
	b := new(borders)
	for _, s := range f.normalizers {
		switch s.Type {
		case "BertNormalizer":
			b.han = b.han || s.Han
		case "Lowercase":
		default:
			return nil
		}
	}
	for c := '!'; c <= '~'; c++ {
		b.before[c] = c != '_' && (unicode.IsPunct(c) || unicode.IsSymbol(c))
	}
	for _, c := range " \t\n\r" {
		b.before[c] = true
	}
	for _, token := range f.added {
		for _, c := range token.Content {
			b.before[c] = false
		}
	}
	return b
}

// looksFar is true of a normalizer that may change a lone space between letters, or the text around it.
func looksFar(s step) bool {
	switch s.Type {
	case "Nmt", "NFC", "NFD", "NFKC", "NFKD", "Precompiled", "Lowercase", "StripAccents":
		return false
	case "Strip":
		return s.StripLeft
	case "Replace":
		return s.Pattern.Regex != " {2,}"
	}
	return true
}

func types(steps []step) []string {
	var all []string
	for _, s := range steps {
		all = append(all, s.Type)
	}
	return all
}

func isTrue(setting *bool) bool { return setting == nil || *setting }

// at reports whether text may be cut before the byte at i, which is neither its first nor its last.
func (b *borders) at(text string, i int) bool {
	c := text[i]
	if b.words {
		return c == ' ' && isAlphanumeric(text[i-1]) && isAlphanumeric(text[i+1])
	}
	if c < utf8.RuneSelf {
		return b.before[c]
	}
	if !b.han || c < 0xE3 { // the first byte of U+3000
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return isChinese(r)
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isChinese has the three widest of the ranges that BERT's normalizer puts spaces around.
func isChinese(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0x3400 <= r && r <= 0x4DBF || 0x20000 <= r && r <= 0x2A6DF
}

// first returns the length of the first part of text: at most size, unless there is no place to cut.
func (b *borders) first(text string, size int) int {
	if len(text) <= size {
		return len(text)
	}
	for i := min(size, len(text)-2); i > 0; i-- {
		if b.at(text, i) {
			return i
		}
	}
	for i := size + 1; i < len(text)-1; i++ {
		if b.at(text, i) {
			return i
		}
	}
	return len(text)
}

// encodeParts encodes a long text part by part, and keeps no more ids than asked for.
func (t *Tokenizer) encodeParts(rust *tokenizers.Tokenizer, text string, size int) (Encoding, error) {
	ids, total := slices.Clone(t.opening), t.special()
	for text != "" {
		end := t.borders.first(text, size)
		part := rust.EncodeWithOptions(text[:end], true).IDs
		if len(part) < t.special() {
			return Encoding{}, errEncode(text[:end])
		}
		part = part[len(t.opening) : len(part)-len(t.closing)]
		total += len(part)
		if t.maxTokens > 0 {
			part = part[:min(len(part), t.maxTokens-len(t.closing)-len(ids))]
		}
		ids = append(ids, part...)
		text = text[end:]
	}
	return Encoding{IDs: append(ids, t.closing...), Total: total}, nil
}
