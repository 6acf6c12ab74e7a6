package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"
)

// Document is one text and what belongs to it.
type Document struct {
	// ID names the document. It is valid UTF-8 and not empty.
	ID string
	// Text is valid UTF-8, and kept byte for byte.
	Text string
	// Metadata is a JSON object, kept byte for byte, or empty.
	Metadata json.RawMessage
	// Hash identifies what the vectors were made from. The store compares it
	// and does not look inside.
	Hash [32]byte
	// Passages are what [Store.Put] stores: one for the whole text, or several
	// for its parts. Nil keeps those that are stored under the same hash. The
	// reading methods leave it nil: see [Store.Passages].
	Passages []Passage

	// Sequence is set by the reading methods, and ignored by [Store.Put]: the
	// number of the write that last changed the document.
	Sequence uint64
}

// Passage is a part of a document's text that has a vector of its own.
type Passage struct {
	Start, End int       // text[Start:End], in bytes
	Truncated  bool      // the vector is of the beginning of the passage only
	Vector     []float32 // not empty
	Label      uint64    // set by the reading methods
}

// Whole is a document's only passage, its whole text, with its vector.
func Whole(text string, vector []float32) []Passage {
	return []Passage{{End: len(text), Vector: vector}}
}

// validate reports what keeps the document from being stored.
func (d *Document) validate() error {
	switch {
	case d.ID == "":
		return fmt.Errorf("%w: the ID is empty", ErrInvalid)
	case !utf8.ValidString(d.ID):
		return fmt.Errorf("%w: the ID %q is not valid UTF-8", ErrInvalid, d.ID)
	case !utf8.ValidString(d.Text):
		return fmt.Errorf("%w: the text of %q is not valid UTF-8", ErrInvalid, d.ID)
	case len(d.Metadata) > 0 && !isObject(d.Metadata):
		return fmt.Errorf("%w: the metadata of %q is not a JSON object in valid UTF-8", ErrInvalid, d.ID)
	case d.Passages != nil && len(d.Passages) == 0:
		return fmt.Errorf("%w: %q has no passage", ErrInvalid, d.ID)
	}
	for _, p := range d.Passages {
		if p.Start < 0 || p.Start > p.End || p.End > len(d.Text) {
			return fmt.Errorf("%w: the passage %d:%d of %q is outside of its text", ErrInvalid, p.Start, p.End, d.ID)
		}
		if len(p.Vector) == 0 {
			return fmt.Errorf("%w: a vector of %q is empty", ErrInvalid, d.ID)
		}
	}
	return nil
}

func isObject(raw json.RawMessage) bool {
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && utf8.Valid(raw) && json.Valid(raw)
}

// validateAll also refuses two documents of one ID, since one write could keep
// only one of them.
func validateAll(docs []Document) error {
	seen := make(map[string]bool, len(docs))
	for i := range docs {
		if err := docs[i].validate(); err != nil {
			return err
		}
		if seen[docs[i].ID] {
			return fmt.Errorf("%w: the ID %q comes twice in one write", ErrInvalid, docs[i].ID)
		}
		seen[docs[i].ID] = true
	}
	return nil
}

// encodeVector lays a vector out as little-endian float32.
func encodeVector(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func decodeVector(b []byte) ([]float32, error) {
	if len(b) == 0 || len(b)%4 != 0 {
		return nil, fmt.Errorf("%w: a vector of %d bytes", ErrDamaged, len(b))
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}
