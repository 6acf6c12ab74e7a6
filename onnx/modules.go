package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// modules are the steps that sentence-transformers puts after the network, in the order of modules.json.
type modules struct {
	pooling       Pooling
	promptCounts  bool     // include_prompt: a prompt's tokens take part in pooling
	layers        []*dense // after pooling, in order
	normalization Normalization
}

// readModules reads modules.json. A folder without one is a plain transformer: mean pooling, as sentence-transformers
// does with those.
func (f *folder) readModules() error {
	f.modules = modules{promptCounts: true, normalization: None}
	var steps []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	if err := f.readJSON("modules.json", &steps); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			f.modules.pooling = Mean
			return nil
		}
		return err
	}
	for i, step := range steps {
		// "sentence_transformers.models.Pooling", or since version 5 "sentence_transformers.….modules.pooling.Pooling".
		name := step.Type[strings.LastIndexByte(step.Type, '.')+1:]
		if !strings.HasPrefix(step.Type, "sentence_transformers.") || (name == "Transformer") != (i == 0) {
			return fmt.Errorf("%s/modules.json has %s as its step %d, which this package does not know", f.path, step.Type, i)
		}
		var err error
		switch name {
		case "Transformer":
		case "Pooling":
			err = f.readPooling(filepath.Join(step.Path, "config.json"))
		case "Dense":
			err = f.addDense(step.Path)
		case "Normalize":
			f.modules.normalization = L2
		case "Dropout": // does nothing outside of training
		default:
			err = fmt.Errorf("%s/modules.json has the step %s, which this package does not know", f.path, step.Type)
		}
		if err != nil {
			return err
		}
	}
	if f.modules.pooling == "" {
		return fmt.Errorf("%s/modules.json has no pooling step; add one, or choose by Options.Pooling a way without the file", f.path)
	}
	return nil
}

// addDense refuses orders of steps that nobody uses: pooling after Dense, or Normalize before it.
func (f *folder) addDense(dir string) error {
	if f.modules.pooling == "" || f.modules.normalization == L2 {
		return fmt.Errorf("%s/modules.json has Dense elsewhere than between Pooling and Normalize, which this package does not do", f.path)
	}
	d, err := f.readDense(dir)
	if err != nil {
		return err
	}
	f.modules.layers = append(f.modules.layers, d)
	return nil
}

// legacyModes are the switches of a pooling config before version 5.5, in the order in which their vectors are joined.
var legacyModes = []struct {
	key     string
	pooling Pooling
}{
	{"pooling_mode_cls_token", CLS},
	{"pooling_mode_max_tokens", Max},
	{"pooling_mode_mean_tokens", Mean},
	{"pooling_mode_mean_sqrt_len_tokens", MeanSqrtLen},
	{"pooling_mode_weightedmean_tokens", WeightedMean},
	{"pooling_mode_lasttoken", LastToken},
}

func (f *folder) readPooling(name string) error {
	var config map[string]any
	if err := f.readJSON(name, &config); err != nil {
		return err
	}
	var parts []string
	switch mode := config["pooling_mode"].(type) {
	case string:
		parts = []string{mode}
	case []any:
		for _, m := range mode {
			parts = append(parts, fmt.Sprint(m))
		}
	case nil:
		for key, on := range config {
			known := slices.ContainsFunc(legacyModes, func(m struct {
				key     string
				pooling Pooling
			}) bool {
				return m.key == key
			})
			if on == true && strings.HasPrefix(key, "pooling_mode_") && !known {
				return fmt.Errorf("%s/%s asks for %s, which this package does not know", f.path, name, key)
			}
		}
		for _, mode := range legacyModes {
			if config[mode.key] == true {
				parts = append(parts, string(mode.pooling))
			}
		}
		if len(parts) == 0 {
			parts = []string{string(Mean)} // sentence-transformers' default
		}
	}
	f.modules.pooling = Pooling(strings.Join(parts, "+"))
	if _, err := f.modules.pooling.parts(); err != nil || slices.Contains(parts, string(Pooler)) {
		return fmt.Errorf("%s/%s asks for the pooling %q, which this package does not know", f.path, name, f.modules.pooling)
	}
	f.modules.promptCounts = config["include_prompt"] != false
	return nil
}
