package where

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Entry is one value that a document's metadata has: what conditions are
// compared with.
type Entry struct {
	Field string
	Value Value
}

// Entries lists the values in metadata, a JSON object in valid UTF-8 or
// nothing, each once, in the order of their first appearance. Of a key that
// comes twice in an object both values count. What is nested deeper than 100
// objects and arrays is passed over.
func Entries(metadata []byte) ([]Entry, error) {
	if len(metadata) == 0 {
		return nil, nil
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(metadata)), seen: make(map[Entry]bool)}
	w.dec.UseNumber()
	if err := w.value("", false); err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	return w.entries, nil
}

type walker struct {
	dec     *json.Decoder
	depth   int
	entries []Entry
	seen    map[Entry]bool
}

// value reads the next value, which belongs to the field unless that is the
// whole.
func (w *walker) value(field string, named bool) error {
	t, err := w.dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case json.Delim:
		if named {
			w.add(field, Value{Container, ""})
		}
		return w.inside(t, field, named)
	case json.Number:
		v, err := NumberOf(t)
		if err != nil {
			return err
		}
		w.add(field, v)
	case string:
		w.add(field, Value{String, t})
	case bool:
		w.add(field, BoolOf(t))
	case nil:
		w.add(field, Value{Null, ""})
	}
	return nil
}

// inside reads an object or array up to its end.
func (w *walker) inside(open json.Delim, field string, named bool) error {
	if w.depth == maxDepth {
		return w.skip()
	}
	w.depth++
	defer func() { w.depth-- }()
	for w.dec.More() {
		name := field
		if open == '{' {
			t, err := w.dec.Token()
			if err != nil {
				return err
			}
			name = escape.Replace(t.(string)) // Token gives nothing else here
			if named {
				name = field + "." + name
			}
		}
		if err := w.value(name, named || open == '{'); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

// skip passes over the rest of an object or array.
func (w *walker) skip() error {
	for depth := 1; depth > 0; {
		t, err := w.dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

func (w *walker) add(field string, v Value) {
	if e := (Entry{field, v}); !w.seen[e] {
		w.seen[e] = true
		w.entries = append(w.entries, e)
	}
}
