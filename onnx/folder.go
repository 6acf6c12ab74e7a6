package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minnow-search/minnow/internal/native"
)

// folder is what a model's own files say of it.
type folder struct {
	path          string
	hidden        int // numbers a token's vector has
	vocabSize     int
	maxTokens     int
	pooling       Pooling
	normalization Normalization
}

// readFolder reads and checks the configuration of a model, and refuses what this package would compute wrongly.
func readFolder(path string) (*folder, error) {
	f := &folder{path: path, normalization: None}
	if err := f.readConfig(); err != nil {
		return nil, err
	}
	if err := f.readModules(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *folder) graph() string     { return filepath.Join(f.path, "onnx", "model.onnx") }
func (f *folder) tokenizer() string { return filepath.Join(f.path, "tokenizer.json") }

func (f *folder) readConfig() error {
	var config struct {
		ModelType    string `json:"model_type"`
		HiddenSize   int    `json:"hidden_size"`
		VocabSize    int    `json:"vocab_size"`
		MaxPositions int    `json:"max_position_embeddings"`
	}
	if err := f.readJSON("config.json", &config); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s has no config.json, so it is not a model's folder; %s", f.path, native.SetupHint)
		}
		return err
	}
	if config.ModelType != "bert" {
		return fmt.Errorf("%s/config.json is of a %q model; this version reads \"bert\" models only, such as %s", f.path, config.ModelType, native.DefaultModel())
	}
	if config.HiddenSize <= 0 || config.VocabSize <= 0 || config.MaxPositions <= 2 {
		return fmt.Errorf("%s/config.json: hidden_size %d, vocab_size %d or max_position_embeddings %d makes no sense; fetch the model anew", f.path, config.HiddenSize, config.VocabSize, config.MaxPositions)
	}
	f.hidden, f.vocabSize, f.maxTokens = config.HiddenSize, config.VocabSize, config.MaxPositions

	// sentence-transformers' own limit is often below the number of positions: the model was trained on shorter texts.
	var limits struct {
		MaxSeqLength int  `json:"max_seq_length"`
		DoLowerCase  bool `json:"do_lower_case"`
	}
	if err := f.readJSON("sentence_bert_config.json", &limits); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if limits.DoLowerCase {
		return fmt.Errorf("%s/sentence_bert_config.json asks for do_lower_case, which this version does not do", f.path)
	}
	if limits.MaxSeqLength > 0 {
		f.maxTokens = min(f.maxTokens, limits.MaxSeqLength)
	}
	return nil
}

// readModules reads modules.json, the steps that sentence-transformers puts after the network. A folder without one is
// a plain transformer: mean pooling, as sentence-transformers does with those.
func (f *folder) readModules() error {
	var modules []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	if err := f.readJSON("modules.json", &modules); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			f.pooling = Mean
			return nil
		}
		return err
	}
	for _, module := range modules {
		switch module.Type {
		case "sentence_transformers.models.Transformer":
		case "sentence_transformers.models.Normalize":
			f.normalization = L2
		case "sentence_transformers.models.Pooling":
			if err := f.readPooling(filepath.Join(module.Path, "config.json")); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s/modules.json has the step %s, which this version does not know", f.path, module.Type)
		}
	}
	if f.pooling == "" {
		return fmt.Errorf("%s/modules.json has no pooling step; choose one in Options.Pooling's words and add it there", f.path)
	}
	return nil
}

func (f *folder) readPooling(name string) error {
	var modes map[string]any
	if err := f.readJSON(name, &modes); err != nil {
		return err
	}
	known := map[string]Pooling{"pooling_mode_mean_tokens": Mean, "pooling_mode_cls_token": CLS}
	for mode, on := range modes {
		if on != true || len(mode) < 13 || mode[:13] != "pooling_mode_" {
			continue
		}
		pooling, ok := known[mode]
		if !ok || f.pooling != "" {
			return fmt.Errorf("%s/%s asks for %s, alone or with others, which this version does not do", f.path, name, mode)
		}
		f.pooling = pooling
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
