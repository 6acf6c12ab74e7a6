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
	// ErrNUL is returned for a text with a NUL byte where the tokenizer gives that byte a meaning, unlike BERT's: by
	// Tokens always, and by Encode if the text has the character U+10FFFD too. The C interface of the Rust library ends
	// a text at a NUL, so another character must stand for it.
	ErrNUL = errors.New("text holds a NUL byte, which cannot be passed to this tokenizer; remove it")
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
	borders   *borders // where a long text may be cut; nil where that is not known
	nul       nul

	mu   sync.RWMutex // guards rust and nul.rust: read-locked for every call into them, locked by Close
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
	f, err := readFile(data)
	if err != nil {
		return nil, err
	}
	if o.LowerCase && !f.lowers() {
		f.prependNormalizer(`{"type": "Lowercase"}`)
	}
	rust, err := f.rust()
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{maxTokens: o.MaxTokens, borders: f.borders(), rust: rust}
	t.nul.dropped = f.dropsNUL()
	if !t.nul.dropped {
		t.nul.file = f
	}
	if err := t.probe(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// probe learns from the tokenizer's own answer which special tokens it puts around a text.
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
	if t.maxTokens < 0 || t.maxTokens > 0 && t.maxTokens <= t.special() {
		return fmt.Errorf("MaxTokens is %d; it must be 0 for no limit, or more than the %d special tokens",
			t.maxTokens, t.special())
	}
	return nil
}

// special is how many special tokens stand around a text.
func (t *Tokenizer) special() int { return len(t.opening) + len(t.closing) }

// Encode returns the token ids of text, between the special tokens that the model expects, at most MaxTokens of them.
// It tokenizes all of text in any case, to tell the Total.
func (t *Tokenizer) Encode(text string) (Encoding, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.rust == nil {
		return Encoding{}, ErrClosed
	}
	rust := t.rust
	if strings.IndexByte(text, 0) >= 0 {
		var err error
		if rust, text, err = t.nul.standIn(rust, text); err != nil {
			return Encoding{}, err
		}
	}
	if t.borders != nil && len(text) > partBytes {
		return t.encodeParts(rust, text, partBytes)
	}
	ids := rust.EncodeWithOptions(text, true).IDs
	if len(ids) < t.special() {
		return Encoding{}, errEncode(text)
	}
	total := len(ids)
	if t.maxTokens > 0 && total > t.maxTokens {
		ids = append(ids[:t.maxTokens-len(t.closing)], t.closing...)
	}
	return Encoding{IDs: ids, Total: total}, nil
}

// errEncode is for what the Rust library refuses: a word of a vocabulary without a token for unknown words.
func errEncode(text string) error {
	return fmt.Errorf("the tokenizer cannot encode this text of %d bytes: a token is missing in its vocabulary", len(text))
}

// CountTokens returns how many tokens the whole text has, special ones included: the Total that Encode tells.
func (t *Tokenizer) CountTokens(text string) (int, error) {
	e, err := t.Encode(text)
	return e.Total, err
}

// Closing returns how many special tokens follow a text: 1 for BERT, its [SEP].
func (t *Tokenizer) Closing() int { return len(t.closing) }

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
	return errors.Join(err, t.nul.close())
}
