// Package split cuts long texts into passages that a model can read whole. A
// collection that has a splitter gives each passage a vector of its own:
//
//	o := &minnow.Options{Splitter: split.Sentences(model, nil)}
package split

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Counter measures texts as a model sees them: *onnx.Model is one.
type Counter interface {
	// CountTokens is the number of tokens of a text, special ones included.
	CountTokens(text string) (int, error)
	// MaxTokens is the number of tokens that the model reads of a text.
	MaxTokens() int
	// ID names the model.
	ID() string
}

// Options are choices about passages. Nil and the zero value are good defaults.
type Options struct {
	// MaxTokens is how long a passage may be, special tokens included: all that
	// the model reads, by default. A model with a prompt before documents reads
	// as much less as that has.
	MaxTokens int
	// Overlap is how many tokens at the end of a passage come again at the
	// beginning of the next, in whole sentences: at most as many. None by
	// default. A quarter of MaxTokens is usual where answers lie across
	// sentences.
	Overlap int
}

// Splitter cuts texts at the ends of sentences. Any number of goroutines may
// use it.
type Splitter struct {
	counter      Counter
	max, overlap int
}

// Sentences makes passages of as many whole sentences as fit. Sentences end
// where Unicode says (UAX #29), and at empty lines. One that is too long by
// itself is cut between words, and a word between characters.
func Sentences(counter Counter, o *Options) *Splitter {
	if o == nil {
		o = &Options{}
	}
	limit := counter.MaxTokens()
	return &Splitter{counter: counter, max: min(cmp.Or(o.MaxTokens, limit), limit), overlap: max(o.Overlap, 0)}
}

// ID names the way of cutting, and the tokenizer that counts.
func (s *Splitter) ID() string {
	return fmt.Sprintf("sentences/1 max %d overlap %d by %s", s.max, s.overlap, s.counter.ID())
}

// piece is a part of the text that is not cut, or only in need.
type piece struct {
	start, end int
	tokens     int // without special ones
}

// Split returns the passages of a text, in order. Between them only white space
// is left out. A text that fits is one passage, whole.
func (s *Splitter) Split(text string) ([][2]int, error) {
	special, err := s.counter.CountTokens("")
	if err != nil {
		return nil, err
	}
	room := s.max - special
	if room < 1 {
		return nil, fmt.Errorf("split: %d tokens leave no room beside %d special ones", s.max, special)
	}
	if n, err := s.counter.CountTokens(text); err != nil || n <= s.max {
		return [][2]int{{0, len(text)}}, err
	}
	pieces, err := s.pieces(text, special, room)
	if err != nil {
		return nil, err
	}
	return s.pack(text, pieces, room)
}

// pieces are the sentences of a text, and parts of those that are too long.
func (s *Splitter) pieces(text string, special, room int) ([]piece, error) {
	var pieces []piece
	for _, span := range sentences(text) {
		if strings.TrimSpace(text[span[0]:span[1]]) == "" {
			continue
		}
		n, err := s.counter.CountTokens(text[span[0]:span[1]])
		if err != nil {
			return nil, err
		}
		if n -= special; n <= room {
			pieces = append(pieces, piece{span[0], span[1], n})
			continue
		}
		parts, err := s.cut(text, span[0], span[1], special, room)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, parts...)
	}
	return pieces, nil
}

// cut divides what is too long, in the middle, again and again: at the space
// that is nearest to it, or else between two characters.
func (s *Splitter) cut(text string, start, end, special, room int) ([]piece, error) {
	n, err := s.counter.CountTokens(text[start:end])
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(text[start:end]) == "" {
		return nil, nil
	}
	at := middle(text[start:end])
	if n-special <= room || at == 0 {
		return []piece{{start, end, n - special}}, nil
	}
	left, err := s.cut(text, start, start+at, special, room)
	if err != nil {
		return nil, err
	}
	right, err := s.cut(text, start+at, end, special, room)
	return append(left, right...), err
}

// middle is where to cut a text, or 0 if it is one character.
func middle(text string) int {
	half := len(text) / 2
	before := strings.LastIndexFunc(text[:half], unicode.IsSpace)
	after := strings.IndexFunc(text[half:], unicode.IsSpace)
	switch {
	case after >= 0 && (before <= 0 || after < half-before) && half+after > 0:
		return half + after
	case before > 0:
		return before
	}
	for half > 0 && !utf8.RuneStart(text[half]) {
		half--
	}
	if half == 0 {
		_, size := utf8.DecodeRuneInString(text)
		half = size % len(text) // 0 if that is all
	}
	return half
}

// pack joins pieces into passages.
func (s *Splitter) pack(text string, pieces []piece, room int) ([][2]int, error) {
	var passages [][2]int
	done := 0 // pieces that are in some passage
	for first := 0; done < len(pieces); {
		tokens, next := pieces[first].tokens, first+1
		for next < len(pieces) && tokens+pieces[next].tokens <= room {
			tokens += pieces[next].tokens
			next++
		}
		// Sums are not exact for every tokenizer; the whole is what counts.
		for ; next > first+1; next-- {
			n, err := s.counter.CountTokens(text[pieces[first].start:pieces[next-1].end])
			if err != nil {
				return nil, err
			}
			if n <= s.max {
				break
			}
		}
		if next <= done {
			first = done // nothing new fits beside the overlap
			continue
		}
		done = next
		start, end := trim(text, pieces[first].start, pieces[next-1].end)
		passages = append(passages, [2]int{start, end})
		first = s.back(pieces, first, next, room)
	}
	if passages == nil {
		passages = [][2]int{{0, len(text)}} // white space only
	}
	return passages, nil
}

// back is the piece with which the passage after pieces[first:next] begins: as
// many pieces back as the overlap allows, if the next piece fits beside them.
func (s *Splitter) back(pieces []piece, first, next, room int) int {
	if next == len(pieces) {
		return next
	}
	begin, tokens := next, 0
	for begin-1 > first {
		tokens += pieces[begin-1].tokens
		if tokens > s.overlap || tokens+pieces[next].tokens > room {
			break
		}
		begin--
	}
	return begin
}

// trim leaves white space out at both ends of what is not all white space.
func trim(text string, start, end int) (from, to int) {
	inner := strings.TrimSpace(text[start:end])
	from = start + strings.Index(text[start:end], inner)
	return from, from + len(inner)
}

// sentences are the spans of a text's sentences, one after the other.
func sentences(text string) [][2]int {
	var spans [][2]int
	start, state := 0, -1
	for rest := text; rest != ""; {
		var sentence string
		sentence, rest, state = uniseg.FirstSentenceInString(rest, state)
		for part := range strings.SplitAfterSeq(sentence, "\n\n") {
			if part != "" {
				spans = append(spans, [2]int{start, start + len(part)})
				start += len(part)
			}
		}
	}
	return spans
}
