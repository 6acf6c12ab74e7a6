package onnx

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minnow-search/minnow/internal/native"
)

// folder is what a model's own files say of it.
type folder struct {
	path      string
	preset    Preset
	graph     string // the .onnx file
	hidden    int    // numbers a token's vector has
	vocabSize int
	padID     int64
	maxTokens int
	lowerCase bool // texts are lower-cased before the tokenizer's own steps
	modules   modules
	prompts   prompts
}

// architecture is what this package must know of a network beyond its graph.
type architecture struct {
	// firstPosition is the position of the first token. Where it is counted from the number of the padding token, the
	// positions up to that are no text's.
	firstPosition func(padID int64) int
}

func fromZero(int64) int           { return 0 }
func afterPadding(padID int64) int { return int(padID) + 1 }

// architectures are those that compute a text's vectors from its ids and mask alone, by config.json's model_type.
var architectures = map[string]architecture{
	"bert":        {fromZero},
	"distilbert":  {fromZero},
	"mpnet":       {func(int64) int { return afterPadding(1) }}, // Transformers takes no other number
	"roberta":     {afterPadding},
	"xlm-roberta": {afterPadding},
}

func architectureNames() string {
	var names []string
	for name := range architectures {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// readFolder reads and checks the configuration of a model, and refuses what this package would compute wrongly.
func readFolder(path string, p Preset) (*folder, error) {
	f := &folder{path: path, preset: p}
	for _, read := range []func() error{f.readConfig, f.readLimits, f.findGraph, f.readModules, f.readPrompts} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *folder) tokenizer() string { return filepath.Join(f.path, "tokenizer.json") }

func (f *folder) readConfig() error {
	var config struct {
		ModelType    string `json:"model_type"`
		HiddenSize   int    `json:"hidden_size"`
		Dim          int    `json:"dim"` // DistilBERT's word for hidden_size
		VocabSize    int    `json:"vocab_size"`
		MaxPositions int    `json:"max_position_embeddings"`
		PadID        *int64 `json:"pad_token_id"`
	}
	if err := f.readJSON("config.json", &config); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s has no config.json, so it is not a model's folder; %s", f.path, native.SetupHint)
		}
		return err
	}
	arch, ok := architectures[config.ModelType]
	if !ok {
		return fmt.Errorf("%s/config.json is of a %q model; models of these types can be read: %s", f.path, config.ModelType, architectureNames())
	}
	f.hidden, f.vocabSize = cmp.Or(config.HiddenSize, config.Dim), config.VocabSize
	if config.PadID != nil {
		f.padID = *config.PadID
	} else if config.ModelType != "bert" && config.ModelType != "distilbert" {
		f.padID = 1 // what the classes of Transformers assume
	}
	first := arch.firstPosition(f.padID)
	f.maxTokens = config.MaxPositions - first
	if f.hidden <= 0 || f.vocabSize <= 0 || f.maxTokens <= 2 || f.padID < 0 || f.padID >= int64(f.vocabSize) {
		return fmt.Errorf("%s/config.json: hidden_size %d, vocab_size %d, max_position_embeddings %d or pad_token_id %d makes no sense; fetch the model anew",
			f.path, f.hidden, config.VocabSize, config.MaxPositions, f.padID)
	}
	return nil
}

// readLimits reads how many tokens a text may have: what sentence-transformers was told, often less than the network
// has positions, as the model was trained on shorter texts; or else what the tokenizer was told.
func (f *folder) readLimits() error {
	var limits struct {
		MaxSeqLength *float64 `json:"max_seq_length"`
		DoLowerCase  bool     `json:"do_lower_case"`
	}
	if err := f.readOptional("sentence_bert_config.json", &limits); err != nil {
		return err
	}
	f.lowerCase = limits.DoLowerCase
	var tokenizer struct {
		ModelMaxLength *float64 `json:"model_max_length"` // 1e30 where there is no limit
	}
	if err := f.readOptional("tokenizer_config.json", &tokenizer); err != nil {
		return err
	}
	if limit := cmp.Or(limits.MaxSeqLength, tokenizer.ModelMaxLength); limit != nil && *limit < float64(f.maxTokens) {
		f.maxTokens = int(*limit)
	}
	if f.maxTokens <= 0 {
		return fmt.Errorf("%s: its limit of %d tokens a text makes no sense; fetch the model anew", f.path, f.maxTokens)
	}
	return nil
}

func (f *folder) findGraph() (err error) {
	f.graph, err = findGraph(f.path, f.preset)
	switch {
	case err == nil:
		return nil
	case f.preset == Exact:
		return fmt.Errorf("the model lacks its network: %w; %s with MINNOW_MODEL=%s", err, native.SetupHint, f.path)
	default:
		return fmt.Errorf("the model has no preset %s: %w; `minnow model export --preset %[1]s %[3]s` makes it", f.preset, err, f.path)
	}
}

// readOptional reads a file that a model need not have.
func (f *folder) readOptional(name string, into any) error {
	if err := f.readJSON(name, into); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f *folder) readJSON(name string, into any) error {
	path := filepath.Join(f.path, name)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s is damaged, fetch the model anew: %w", path, err)
	}
	return nil
}
