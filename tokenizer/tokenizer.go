// Package tokenizer turns texts into the token ids that a model was trained on, exactly as the Python package
// tokenizers does: it runs the same Rust code, through github.com/daulet/tokenizers.
//
//	t, err := tokenizer.Open("models/paraphrase-MiniLM-L6-v2/tokenizer.json", &tokenizer.Options{MaxTokens: 128})
//	e, err := t.Encode("short") // e.IDs is [101 2460 102]: [CLS] short [SEP]
//
// A text longer than MaxTokens is cut from the right, before the closing special tokens, so [SEP] stays: what
// sentence-transformers does.
package tokenizer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/daulet/tokenizers"
)

var (
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("tokenizer is closed")
	// ErrNUL is returned for a text with a NUL byte where the tokenizer gives that byte a meaning: the C interface of
	// the Rust library ends a text there. Tokenizers of the BERT family drop NUL, and take such texts.
	ErrNUL = errors.New("text holds a NUL byte, which this tokenizer cannot take")
)

// Options are the settings of a Tokenizer. Nil and zero are good defaults.
type Options struct {
	// MaxTokens is the greatest number of ids of a text, special tokens included. 0 means no limit.
	MaxTokens int
	// LowerCase has texts lower-cased before all else, unless the tokenizer does so anyway: sentence-transformers'
	// do_lower_case.
	LowerCase bool
}

// Tokenizer turns texts into token ids. Goroutines may share it. Open it with Open or New; Close frees the Rust side.
type Tokenizer struct {
	maxTokens int
	opening   []uint32 // the special tokens before a text
	closing   []uint32 // and after it
	dropsNUL  bool     // the normalizer removes NUL bytes, so they may be replaced by another character that it removes
	splits    bool     // a text may be cut before a space, and its parts encoded one by one

	mu   sync.RWMutex // guards rust: read-locked for every call into it, locked by Close
	rust *tokenizers.Tokenizer
}

// Encoding is a text as token ids.
type Encoding struct {
	// IDs are the token ids, special tokens included, at most Options.MaxTokens of them. The caller owns them.
	IDs []uint32
	// Total counts the tokens of the whole text, special tokens included, before it was cut.
	Total int
}

// Truncated reports whether the text was longer than Options.MaxTokens, so that IDs lack its end.
func (e Encoding) Truncated() bool { return len(e.IDs) < e.Total }

// Open reads a tokenizer.json file.
func Open(path string, o *Options) (*Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer: %w", err)
	}
	t, err := New(data, o)
	if err != nil {
		return nil, fmt.Errorf("open tokenizer %s: %w", path, err)
	}
	return t, nil
}

// New makes a tokenizer from the content of a tokenizer.json file. Padding and truncation that the file asks for are
// ignored: a batch is padded by who runs the model, and only Options says how long a text may be.
func New(data []byte, o *Options) (*Tokenizer, error) {
	if o == nil {
		o = &Options{}
	}
	data, splits, err := prepare(data, o)
	if err != nil {
		return nil, err
	}
	rust, err := tokenizers.FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("not a tokenizer that this library reads: %w", err)
	}
	t := &Tokenizer{maxTokens: o.MaxTokens, splits: splits, rust: rust}
	if err := t.probe(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// probe learns from the tokenizer's own answers what its file does not say plainly.
func (t *Tokenizer) probe() error {
	marked := t.rust.EncodeWithOptions("a", true, tokenizers.WithReturnSpecialTokensMask())
	ids, mask := marked.IDs, marked.SpecialTokensMask
	first, last := slices.Index(mask, 0), len(mask)
	if first < 0 {
		return errors.New("the tokenizer gives no token for a letter")
	}
	for mask[last-1] == 1 {
		last--
	}
	t.opening, t.closing = ids[:first], ids[last:]
	special := len(t.opening) + len(t.closing)
	if t.maxTokens < 0 || t.maxTokens > 0 && t.maxTokens <= special {
		return fmt.Errorf("MaxTokens is %d; it must be 0 for no limit, or more than the %d special tokens", t.maxTokens, special)
	}
	with, _ := t.rust.Encode("a"+nulStandIn+"b", true)
	without, _ := t.rust.Encode("ab", true)
	t.dropsNUL = slices.Equal(with, without)
	return nil
}

// nulStandIn takes the place of a NUL byte where both are dropped. Removing the byte instead would join its neighbours
// too early: "[SE\x00P]" is the three tokens [ sep ] in Python, and not [SEP].
const nulStandIn = "\uFFFD"

// Encode returns the token ids of text, between the special tokens that the model expects ([CLS] and [SEP] for BERT).
// The empty text is the special tokens alone. Invalid UTF-8 is read as Python does with errors="replace": each maximal
// part of a broken sequence counts as one U+FFFD. The cost is linear in the text, the part beyond MaxTokens included; of
// tokenizers of the BERT family, memory is not.
func (t *Tokenizer) Encode(text string) (Encoding, error) {
	text, err := t.withoutNUL(text)
	if err != nil {
		return Encoding{}, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.rust == nil {
		return Encoding{}, ErrClosed
	}
	if t.splits && len(text) > partBytes {
		return t.encodeParts(text), nil
	}
	ids := t.rust.EncodeWithOptions(text, true).IDs
	if len(ids) < len(t.closing) {
		return Encoding{}, fmt.Errorf("the tokenizer cannot encode a text of %d bytes", len(text))
	}
	return Encoding{IDs: cut(ids, t.maxTokens, len(t.closing)), Total: len(ids)}, nil
}

// cut takes from the right, but for the closing special tokens.
func cut[T any](tokens []T, limit, closing int) []T {
	if limit == 0 || len(tokens) <= limit {
		return tokens
	}
	return append(tokens[:limit-closing], tokens[len(tokens)-closing:]...)
}

// Tokens returns the tokens of text as the vocabulary writes them, special ones included: those that Encode gives the
// ids of. A piece of a word shows how it is joined, as in "##ing" or "Ġthe".
func (t *Tokenizer) Tokens(text string) ([]string, error) {
	text, err := t.withoutNUL(text)
	if err != nil {
		return nil, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.rust == nil {
		return nil, ErrClosed
	}
	_, tokens := t.rust.Encode(text, true)
	return cut(tokens, t.maxTokens, len(t.closing)), nil
}

// CountTokens returns how many tokens the whole text has, special ones included: the Total that Encode tells.
func (t *Tokenizer) CountTokens(text string) (int, error) {
	e, err := t.Encode(text)
	return e.Total, err
}

// Closing returns how many special tokens follow a text: 1 for BERT, its [SEP].
func (t *Tokenizer) Closing() int { return len(t.closing) }

func (t *Tokenizer) withoutNUL(text string) (string, error) {
	if strings.IndexByte(text, 0) < 0 {
		return text, nil
	}
	if !t.dropsNUL {
		return "", ErrNUL
	}
	return strings.ReplaceAll(text, "\x00", nulStandIn), nil
}

// VocabSize is the number of ids that the tokenizer knows, added tokens included; it is 0 after Close.
func (t *Tokenizer) VocabSize() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.rust == nil {
		return 0
	}
	return int(t.rust.VocabSize())
}

// Close frees the Rust side. It may be called again, and waits for calls under way.
func (t *Tokenizer) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rust == nil {
		return nil
	}
	err := t.rust.Close()
	t.rust = nil
	return err
}
