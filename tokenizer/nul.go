package tokenizer

import (
	"strings"
	"sync"

	"github.com/daulet/tokenizers"
)

// The C interface of the Rust library ends a text at a NUL byte, so another character stands for it. Removing the byte
// would be wrong even where the tokenizer drops it: "[SE\x00P]" is the three tokens [ sep ] in Python, and not [SEP].
const (
	dropped = "\uFFFD"     // where the normalizer drops both
	private = "\U0010FFFD" // elsewhere: neither a letter nor a space, as NUL is not, so added tokens match beside it alike
)

// nul gets NUL bytes past the C interface.
type nul struct {
	dropped bool  // the normalizer drops NUL
	file    *file // elsewhere, what rust is made from

	once sync.Once
	rust *tokenizers.Tokenizer // made for the first text with a NUL: its first normalizer makes private a NUL again
	err  error
}

// standIn returns text with a stand-in for each NUL, and who is to encode it, in place of rust.
func (n *nul) standIn(rust *tokenizers.Tokenizer, text string) (*tokenizers.Tokenizer, string, error) {
	if n.dropped {
		return rust, strings.ReplaceAll(text, "\x00", dropped), nil
	}
	if strings.Contains(text, private) {
		return nil, "", ErrNUL
	}
	n.once.Do(func() {
		n.file.prependNormalizer(`{"type": "Replace", "pattern": {"String": "` + private + `"}, "content": "\u0000"}`)
		n.rust, n.err = n.file.rust()
		n.file = nil
	})
	return n.rust, strings.ReplaceAll(text, "\x00", private), n.err
}

func (n *nul) close() error {
	if n.rust == nil {
		return nil
	}
	return n.rust.Close()
}
