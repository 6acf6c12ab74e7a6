package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/daulet/tokenizers"
)

// file is a tokenizer.json on its way to the Rust library: padding and truncation are taken out, and normalizers may be
// put in. Truncation is done in Go: the Rust library would hide how long a text was, and its Go binding cuts from the
// left unless told otherwise.
type file struct {
	fields        map[string]json.RawMessage
	normalizers   []step
	preTokenizers []step
	added         []addedToken
}

// step is a normalizer or pre-tokenizer, as far as this package reads it. Rust refuses a BertNormalizer that lacks a
// setting.
type step struct {
	Type      string
	CleanText bool                   `json:"clean_text"`           // BertNormalizer
	Han       bool                   `json:"handle_chinese_chars"` // BertNormalizer
	Lowercase bool                   // BertNormalizer
	StripLeft bool                   `json:"strip_left"` // Strip
	Split     *bool                  // Metaspace; true if absent
	UseRegex  *bool                  `json:"use_regex"` // ByteLevel; true if absent
	Pattern   struct{ Regex string } // Replace

	Normalizers   []step
	PreTokenizers []step
}

type addedToken struct {
	Content    string
	SingleWord bool `json:"single_word"`
	RStrip     bool
}

func readFile(data []byte) (*file, error) {
	f := new(file)
	if err := json.Unmarshal(data, &f.fields); err != nil {
		return nil, fmt.Errorf("not a tokenizer.json: %w", err)
	}
	if _, ok := f.fields["model"]; !ok {
		return nil, errors.New(`not a tokenizer.json: it has no field "model"`)
	}
	var normalizer, preTokenizer step
	parts := map[string]any{"normalizer": &normalizer, "pre_tokenizer": &preTokenizer, "added_tokens": &f.added}
	for name, into := range parts {
		if raw, ok := f.fields[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, fmt.Errorf("not a tokenizer.json: %s: %w", name, err)
			}
		}
	}
	f.normalizers, f.preTokenizers = flat(normalizer), flat(preTokenizer)
	f.fields["padding"] = json.RawMessage("null")
	f.fields["truncation"] = json.RawMessage("null")
	return f, nil
}

// flat lists the steps of a sequence, of sequences within it too, and nothing for null.
func flat(s step) []step {
	if s.Type != "" && s.Type != "Sequence" {
		return []step{s}
	}
	var all []step
	for _, inner := range append(s.Normalizers, s.PreTokenizers...) {
		all = append(all, flat(inner)...)
	}
	return all
}

// rust hands the file over.
func (f *file) rust() (*tokenizers.Tokenizer, error) {
	data, err := json.Marshal(f.fields)
	if err != nil {
		return nil, err
	}
	rust, err := tokenizers.FromBytes(data)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "Failed to create tokenizer from bytes: ")
		return nil, fmt.Errorf("not a tokenizer that this library reads: %s", reason)
	}
	return rust, nil
}

// lowers reports whether a step makes letters small.
func (f *file) lowers() bool {
	for _, s := range f.normalizers {
		if s.Type == "Lowercase" || s.Type == "BertNormalizer" && s.Lowercase {
			return true
		}
	}
	return false
}

// prependNormalizer puts a step before all other normalizers.
func (f *file) prependNormalizer(normalizer string) {
	var read step
	if err := json.Unmarshal([]byte(normalizer), &read); err != nil {
		panic(err) // it is written in this package
	}
	f.normalizers = append([]step{read}, f.normalizers...)
	if rest := f.fields["normalizer"]; len(rest) > 0 && !bytes.Equal(rest, []byte("null")) {
		normalizer = fmt.Sprintf(`{"type": "Sequence", "normalizers": [%s, %s]}`, normalizer, rest)
	}
	f.fields["normalizer"] = json.RawMessage(normalizer)
}

// dropsNUL reports whether the normalizer drops NUL and U+FFFD alike, as BERT's does when it cleans a text.
func (f *file) dropsNUL() bool {
	for _, s := range f.normalizers {
		switch {
		case s.Type == "BertNormalizer" && s.CleanText:
			return true
		case s.Type != "Lowercase":
			return false
		}
	}
	return false
}
