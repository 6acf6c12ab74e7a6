package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
)

// prompts are the texts that a model wants in front of a text.
type prompts struct {
	named map[string]string
	plain string // of a text that is neither a query nor a document: the model's default_prompt_name
}

// quirk is what the card of a model says and its files do not.
type quirk struct{ query, document string }

const bgeEnglish = "Represent this sentence for searching relevant passages: "

// quirks, by the name of the model's folder. A model whose config_sentence_transformers.json has prompts for queries or
// documents needs none. Sources: the cards of intfloat/e5-small-v2 ("Each input text should start with "query: " or
// "passage: "") and BAAI/bge-small-en-v1.5 (the instruction goes before queries only).
var quirks = map[string]quirk{
	"e5-small":              {"query: ", "passage: "},
	"e5-base":               {"query: ", "passage: "},
	"e5-large":              {"query: ", "passage: "},
	"e5-small-v2":           {"query: ", "passage: "},
	"e5-base-v2":            {"query: ", "passage: "},
	"e5-large-v2":           {"query: ", "passage: "},
	"multilingual-e5-small": {"query: ", "passage: "},
	"multilingual-e5-base":  {"query: ", "passage: "},
	"multilingual-e5-large": {"query: ", "passage: "},
	"bge-small-en":          {bgeEnglish, ""},
	"bge-base-en":           {bgeEnglish, ""},
	"bge-large-en":          {bgeEnglish, ""},
	"bge-small-en-v1.5":     {bgeEnglish, ""},
	"bge-base-en-v1.5":      {bgeEnglish, ""},
	"bge-large-en-v1.5":     {bgeEnglish, ""},
}

// The names under which sentence-transformers looks for the prompts of queries and documents, in that order. (Its version
// 6.2 gives every model an empty "document", and so never comes to the other two; we do what its documentation says.)
var (
	queryNames    = []string{"query"}
	documentNames = []string{"document", "passage", "corpus"}
)

func (f *folder) readPrompts() error {
	var config struct {
		Prompts map[string]string `json:"prompts"`
		Default *string           `json:"default_prompt_name"`
	}
	if err := f.readJSON("config_sentence_transformers.json", &config); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f.prompts.named = config.Prompts
	if config.Default != nil {
		text, err := f.prompts.get(*config.Default)
		if err != nil {
			return fmt.Errorf("%s/config_sentence_transformers.json: default_prompt_name: %w", f.path, err)
		}
		f.prompts.plain = text
	}
	if q, ok := quirks[filepath.Base(f.path)]; ok && f.prompts.first(queryNames)+f.prompts.first(documentNames) == "" {
		f.prompts.named = maps.Clone(f.prompts.named)
		if f.prompts.named == nil {
			f.prompts.named = make(map[string]string)
		}
		f.prompts.named["query"], f.prompts.named["document"] = q.query, q.document
	}
	return nil
}

func (p prompts) get(name string) (string, error) {
	text, ok := p.named[name]
	if !ok {
		return "", fmt.Errorf("the model has no prompt called %q; it has %q", name, slices.Sorted(maps.Keys(p.named)))
	}
	return text, nil
}

// first is the first prompt that has one of the names. Without one there is none: the default is not for these.
func (p prompts) first(names []string) string {
	for _, name := range names {
		if text, ok := p.named[name]; ok {
			return text
		}
	}
	return ""
}
