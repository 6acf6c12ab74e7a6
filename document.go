package minnow

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/minnow-search/minnow/store"
)

// Document is a text with a name. In JSON it has the fields id, text and
// metadata.
type Document struct {
	// ID names the document in its collection: any valid UTF-8, not empty.
	ID string `json:"id"`
	// Text is what is searched by: any valid UTF-8, not empty unless the
	// document comes with a vector of its own. It is kept byte for byte.
	Text string `json:"text"`
	// Metadata is whatever else belongs to the document, as JSON: nil, or a
	// map of what [json.Marshal] takes. What is read back is nil, string,
	// bool, [json.Number], []any and map[string]any. Numbers come as
	// json.Number, digit for digit, since float64 would round large ones.
	Metadata map[string]any `json:"metadata,omitempty"`
}

// encode makes the store's documents, without vectors. Of two that share an ID
// the later one is kept, as if they were added one after the other.
func (c *Collection) encode(docs []Document) ([]store.Document, error) {
	return encode(docs, func(i int) ([32]byte, error) {
		if docs[i].Text == "" {
			return [32]byte{}, fmt.Errorf("%w: document %q has an empty text", ErrInvalid, docs[i].ID)
		}
		return c.spec.hashText(docs[i].Text), nil
	})
}

// hashText identifies what the vectors of a text are made from.
func (s spec) hashText(text string) [32]byte {
	if s.splitter == nil {
		return contentHash(text, nil)
	}
	return contentHash(text, []byte("split by "+s.splitter.ID()))
}

// contentHash has two halves: one of the text, by which damage to it can be
// told, and one of what else its vectors depend on, zero for nothing.
func contentHash(text string, recipe []byte) (hash [32]byte) {
	sum := sha256.Sum256([]byte(text))
	copy(hash[:], sum[:16])
	if recipe != nil {
		sum = sha256.Sum256(recipe)
		copy(hash[16:], sum[:16])
	}
	return hash
}

// isOf reports whether a content hash is of this text.
func isOf(hash [32]byte, text string) bool {
	want := contentHash(text, nil)
	return bytes.Equal(hash[:16], want[:16])
}

// encode makes the store's documents; hash gives that of document i.
func encode(docs []Document, hash func(i int) ([32]byte, error)) ([]store.Document, error) {
	rows := make([]store.Document, 0, len(docs))
	at := make(map[string]int, len(docs))
	for i := range docs {
		d := &docs[i]
		switch {
		case d.ID == "":
			return nil, fmt.Errorf("%w: document %d has an empty ID", ErrInvalid, i)
		case !utf8.ValidString(d.ID):
			return nil, fmt.Errorf("%w: the ID %q is not valid UTF-8", ErrInvalid, d.ID)
		case !utf8.ValidString(d.Text):
			return nil, fmt.Errorf("%w: the text of document %q is not valid UTF-8", ErrInvalid, d.ID)
		}
		metadata, err := encodeMetadata(d.Metadata)
		if err != nil {
			return nil, fmt.Errorf("%w: metadata of document %q: %w", ErrInvalid, d.ID, err)
		}
		sum, err := hash(i)
		if err != nil {
			return nil, err
		}
		row := store.Document{ID: d.ID, Text: d.Text, Metadata: metadata, Hash: sum}
		if j, again := at[d.ID]; again {
			rows[j] = row
			continue
		}
		at[d.ID] = len(rows)
		rows = append(rows, row)
	}
	return rows, nil
}

func decode(row store.Document) (Document, error) {
	d := Document{ID: row.ID, Text: row.Text}
	if len(row.Metadata) == 0 {
		return d, nil
	}
	dec := json.NewDecoder(bytes.NewReader(row.Metadata))
	dec.UseNumber()
	if err := dec.Decode(&d.Metadata); err != nil {
		return Document{}, fmt.Errorf("%w: metadata of document %q: %w", ErrDamaged, row.ID, err)
	}
	return d, nil
}

// encodeMetadata refuses strings that are not valid UTF-8, which json.Marshal
// would change in silence.
func encodeMetadata(metadata map[string]any) (json.RawMessage, error) {
	if metadata == nil {
		return nil, nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(metadata); err != nil {
		return nil, err
	}
	// After Encode, because that refuses values that contain themselves.
	if s, found := invalidString(metadata); found {
		return nil, fmt.Errorf("%q is not valid UTF-8", s)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}
