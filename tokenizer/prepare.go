package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// step is a normalizer or pre-tokenizer of a tokenizer.json, as far as this package reads it.
type step struct {
	Type        string `json:"type"`
	Lowercase   *bool  `json:"lowercase"` // of BertNormalizer
	Normalizers []step `json:"normalizers"`
}

// prepare changes a tokenizer.json: padding and truncation are taken out, a lower-casing step is put in where asked for.
// Truncation is done here, in Go: the Rust library would hide how long a text was, and its Go binding cuts from the left
// unless told otherwise. It also says whether texts may be encoded in parts; see encodeParts.
func prepare(data []byte, o *Options) (changed []byte, splits bool, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, false, fmt.Errorf("not a tokenizer.json: %w", err)
	}
	if _, ok := fields["model"]; !ok {
		return nil, false, errors.New(`not a tokenizer.json: it has no field "model"`)
	}
	var normalizer, preTokenizer step
	var added []struct {
		Content string `json:"content"`
	}
	for name, into := range map[string]any{"normalizer": &normalizer, "pre_tokenizer": &preTokenizer, "added_tokens": &added} {
		if raw, ok := fields[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, false, fmt.Errorf("not a tokenizer.json: %s: %w", name, err)
			}
		}
	}
	splits = normalizer.Type == "BertNormalizer" && preTokenizer.Type == "BertPreTokenizer"
	for _, token := range added {
		splits = splits && strings.IndexFunc(token.Content, unicode.IsSpace) < 0
	}
	if o.LowerCase && !normalizer.lowers() {
		if err := lowerCase(fields, normalizer); err != nil {
			return nil, false, err
		}
		splits = false // Rust lower-cases a sigma by what follows it
	}
	fields["padding"] = json.RawMessage("null")
	fields["truncation"] = json.RawMessage("null")
	changed, err = json.Marshal(fields)
	return changed, splits, err
}

func (s step) lowers() bool {
	for _, inner := range s.Normalizers {
		if inner.lowers() {
			return true
		}
	}
	return s.Type == "Lowercase" || s.Type == "BertNormalizer" && (s.Lowercase == nil || *s.Lowercase)
}

// lowerCase puts Lowercase before all other normalizers, as sentence-transformers does for do_lower_case.
func lowerCase(fields map[string]json.RawMessage, normalizer step) error {
	steps := []json.RawMessage{json.RawMessage(`{"type": "Lowercase"}`)}
	switch normalizer.Type {
	case "":
	case "Sequence":
		var inner struct {
			Normalizers []json.RawMessage `json:"normalizers"`
		}
		if err := json.Unmarshal(fields["normalizer"], &inner); err != nil {
			return err
		}
		steps = append(steps, inner.Normalizers...)
	default:
		steps = append(steps, fields["normalizer"])
	}
	var err error
	fields["normalizer"], err = json.Marshal(map[string]any{"type": "Sequence", "normalizers": steps})
	return err
}
