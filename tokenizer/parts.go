package tokenizer

import (
	"slices"
	"strings"
)

// partBytes is how much of a long text the Rust library gets at a time. It takes some 200 bytes of memory for each byte
// of text, for all that Python can ask of an encoding.
const partBytes = 64 << 10

// encodeParts encodes a long text part by part, each beginning with a space, and keeps no more ids than asked for.
//
// Why the ids are those of the whole text: BERT's pre-tokenizer ends every word at a space, words are looked up one by
// one, its normalizer looks at each character alone but for accents, which stay with the space that they follow, and no
// added token has a space within.
func (t *Tokenizer) encodeParts(text string) Encoding {
	room := t.maxTokens
	if room > 0 {
		room -= len(t.opening) + len(t.closing)
	}
	ids := slices.Clone(t.opening)
	total := len(t.opening) + len(t.closing)
	for text != "" {
		end := len(text)
		if end > partBytes {
			if at := strings.LastIndexByte(text[:partBytes], ' '); at > 0 {
				end = at
			} else if at := strings.IndexByte(text[partBytes:], ' '); at >= 0 {
				end = partBytes + at
			}
		}
		part := t.rust.EncodeWithOptions(text[:end], false).IDs
		total += len(part)
		if t.maxTokens > 0 {
			part = part[:min(len(part), room)]
			room -= len(part)
		}
		ids = append(ids, part...)
		text = text[end:]
	}
	return Encoding{IDs: append(ids, t.closing...), Total: total}
}
