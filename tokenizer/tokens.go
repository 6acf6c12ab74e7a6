package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/daulet/tokenizers"
)

// Token is one token of a text.
type Token struct {
	ID uint32
	// Text is the token as the vocabulary writes it, which shows how it joins its neighbours: "##ing" goes on with a
	// word, "Ġthe" and "▁the" begin one. A word that the vocabulary lacks is "[UNK]" or, in XLM-R's, itself.
	Text string
	// Start and End are the bytes of the text that it was made from: text[Start:End]. Tokens that each hold a part of
	// one character have all of it. What the normalizer dropped, such as control characters, may lie in no token.
	Start, End int
	// Special says that it was put around the text, and is nowhere in it: Start and End are 0.
	Special bool
}

// Tokens returns the tokens that Encode gives the ids of, special ones and the cut at MaxTokens included. It costs
// about twice as much as Encode. ErrNUL tells of a NUL byte in a text for a tokenizer of another family than BERT's.
func (t *Tokenizer) Tokens(text string) ([]Token, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.rust == nil {
		return nil, ErrClosed
	}
	if !t.nul.dropped && strings.IndexByte(text, 0) >= 0 {
		return nil, ErrNUL // a NUL in an unknown word would come back, and the Rust library abort the process
	}
	text, moves := legible(text)
	var tokens, closing []Token
	for offset := 0; offset == 0 || offset < len(text); {
		part := text[offset:]
		if t.borders != nil {
			part = part[:t.borders.first(part, partBytes)]
		}
		more, err := t.partTokens(part, offset, moves)
		if err != nil {
			return nil, err
		}
		more, closing = more[:len(more)-len(t.closing)], more[len(more)-len(t.closing):]
		if offset > 0 {
			more = more[len(t.opening):]
		}
		tokens = append(tokens, more...)
		if t.maxTokens > 0 && len(tokens)+len(closing) > t.maxTokens {
			tokens = tokens[:t.maxTokens-len(closing)]
			break
		}
		offset += max(len(part), 1)
	}
	return append(tokens, closing...), nil
}

// partTokens returns the tokens of a part of a text that begins at offset, special tokens included.
func (t *Tokenizer) partTokens(part string, offset int, moves []move) ([]Token, error) {
	e := t.rust.EncodeWithOptions(part, true, tokenizers.WithReturnTokens(), tokenizers.WithReturnOffsets())
	if len(e.IDs) < t.special() {
		return nil, errEncode(part)
	}
	tokens := make([]Token, len(e.IDs))
	for i, id := range e.IDs {
		tokens[i] = Token{ID: id, Text: e.Tokens[i]}
		if i < len(t.opening) || i >= len(e.IDs)-len(t.closing) {
			tokens[i].Special = true
			continue
		}
		start, end := trimmed(e.Tokens[i], int(e.Offsets[i][0]), int(e.Offsets[i][1]))
		tokens[i].Start, tokens[i].End = back(offset+start, moves), back(offset+end, moves)
	}
	return tokens, nil
}

// trimmed mends the offsets of a token that took the spaces around it, as <mask> does: RoBERTa's post-processor trims
// these off, but counts characters where offsets are in bytes.
func trimmed(token string, start, end int) (int, int) {
	if end-start >= len(token) {
		return start, end
	}
	lead := token[:len(token)-len(strings.TrimLeftFunc(token, unicode.IsSpace))]
	trail := token[len(strings.TrimRightFunc(token, unicode.IsSpace)):]
	start += len(lead) - utf8.RuneCountInString(lead)
	return start, max(start, end-len(trail)+utf8.RuneCountInString(trail))
}

// move is a place up to which a text has been rewritten: byte to of the new text is byte from of the old.
type move struct{ from, to int }

// legible replaces NUL bytes and broken UTF-8 by U+FFFD, one for each maximal part of a sequence, as Rust would. It
// returns where that moved the bytes of the text.
func legible(text string) (string, []move) {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text, nil
	}
	var clean strings.Builder
	var moves []move
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 || r == 0 {
			size = brokenLen(text[i:])
			clean.WriteString(dropped)
			moves = append(moves, move{i + size, clean.Len()})
		} else {
			clean.WriteString(text[i : i+size])
		}
		i += size
	}
	return clean.String(), moves
}

// brokenLen returns how many bytes at the beginning of s, which is not valid there, are one U+FFFD: those that could
// have begun a character. From table 3-7 of the Unicode standard.
func brokenLen(s string) int {
	low, high, want := byte(0x80), byte(0xBF), 0
	switch c := s[0]; {
	case 0xC2 <= c && c <= 0xDF:
		want = 1
	case 0xE0 <= c && c <= 0xEF:
		want = 2
	case 0xF0 <= c && c <= 0xF4:
		want = 3
	}
	switch s[0] {
	case 0xE0:
		low = 0xA0
	case 0xED:
		high = 0x9F
	case 0xF0:
		low = 0x90
	case 0xF4:
		high = 0x8F
	}
	n := 1
	for n <= want && n < len(s) && low <= s[n] && s[n] <= high {
		low, high = 0x80, 0xBF
		n++
	}
	return n
}

// back returns where the byte at of a rewritten text was.
func back(at int, moves []move) int {
	i, found := slices.BinarySearchFunc(moves, at, func(m move, at int) int { return m.to - at })
	if !found {
		i--
	}
	if i < 0 {
		return at
	}
	return moves[i].from + at - moves[i].to
}
