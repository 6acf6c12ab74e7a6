package onnx_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/native"
	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/onnx"
)

// copyModel makes a folder that links to the files of the golden model, for a test to damage: a file that a test
// replaces is a new file.
func copyModel(t *testing.T) string {
	t.Helper()
	from, to := testkit.Model(t, testkit.GoldenModel), t.TempDir()
	for _, name := range []string{"config.json", "modules.json", "sentence_bert_config.json", "tokenizer.json", "1_Pooling/config.json", "onnx/model.onnx"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func replace(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if data == nil {
		return
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWrongModelFoldersAreRefusedWithWhatToDo(t *testing.T) {
	graph, err := os.ReadFile(filepath.Join(testkit.Model(t, testkit.GoldenModel), "onnx", "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file string
		data []byte // nil removes the file
		want string
	}{
		"no config.json":                   {"config.json", nil, "so it is not a model's folder; run `make setup`"},
		"a truncated config.json":          {"config.json", []byte(`{"model_type": "be`), "is damaged, fetch the model anew"},
		"another architecture":             {"config.json", []byte(`{"model_type": "t5", "d_model": 512}`), `"t5" model; models of these types can be read: bert, distilbert, mpnet, roberta, xlm-roberta`},
		"a config without sizes":           {"config.json", []byte(`{"model_type": "bert"}`), "makes no sense; fetch the model anew"},
		"a config of another width":        {"config.json", []byte(`{"model_type": "bert", "hidden_size": 768, "vocab_size": 30522, "max_position_embeddings": 512}`), "768 float32 a token, as config.json says"},
		"a config of another vocabulary":   {"config.json", []byte(`{"model_type": "bert", "hidden_size": 384, "vocab_size": 21128, "max_position_embeddings": 512}`), "they belong to different models"},
		"no tokenizer.json":                {"tokenizer.json", nil, "the model lacks a file"},
		"a truncated tokenizer.json":       {"tokenizer.json", []byte(`{"model": {"vocab": {"[PAD]"`), "not a tokenizer.json"},
		"no network":                       {"onnx/model.onnx", nil, "the model lacks its network"},
		"an empty network":                 {"onnx/model.onnx", []byte{}, "delete it and run set-up again"},
		"a truncated network":              {"onnx/model.onnx", graph[:len(graph)/2], "delete it and run set-up again"},
		"a network that is something else": {"onnx/model.onnx", []byte("PK\x03\x04 not a network"), "delete it and run set-up again"},
		"a step that is not known":         {"modules.json", []byte(`[{"path": "", "type": "sentence_transformers.models.Transformer"}, {"path": "", "type": "sentence_transformers.models.LSTM"}]`), "the step sentence_transformers.models.LSTM"},
		"a first step that is no network":  {"modules.json", []byte(`[{"path": "", "type": "sentence_transformers.models.CLIPModel"}]`), "CLIPModel as its step 0"},
		"Dense before pooling":             {"modules.json", []byte(`[{"path": "", "type": "sentence_transformers.models.Transformer"}, {"path": "", "type": "sentence_transformers.models.Dense"}]`), "Dense elsewhere than between"},
		"no pooling step":                  {"modules.json", []byte(`[]`), "no pooling step"},
		"a pooling that is not known":      {"1_Pooling/config.json", []byte(`{"pooling_mode_attention": true}`), "pooling_mode_attention"},
		"a pooling of a later version":     {"1_Pooling/config.json", []byte(`{"pooling_mode": "attention"}`), `the pooling "attention"`},
		"a limit of no tokens":             {"sentence_bert_config.json", []byte(`{"max_seq_length": 0}`), "its limit of 0 tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyModel(t)
			replace(t, filepath.Join(dir, c.file), c.data)
			m, err := onnx.Open(dir, nil)
			if err == nil {
				m.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want one with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
		})
	}
}

func TestATextWithoutTokensIsAnError(t *testing.T) {
	dir := copyModel(t)
	replace(t, filepath.Join(dir, "tokenizer.json"), []byte(`{"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
		"model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "fish": 1}, "unk_token": "[UNK]"}}`))
	m, err := onnx.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Embed(t.Context(), []string{"fish", " "}); err == nil || !strings.Contains(err.Error(), "text 1: the tokenizer") {
		t.Errorf("error %v, want one that names text 1", err)
	}
}

func TestAModelThatIsNotThereSaysHowToGetIt(t *testing.T) {
	_, err := onnx.Open("no-such-model", nil)
	if err == nil || !strings.Contains(err.Error(), native.SetupHint) {
		t.Errorf("error %v, want one that says how to set up", err)
	}
}

// The runtime is loaded once in a process, so each wrong one is tried in a process of its own: this test's binary again,
// which ends in the branch at the top.
func TestWrongRuntimesAreRefusedWithWhatToDo(t *testing.T) {
	if os.Getenv("MINNOW_TEST_WRONG_RUNTIME") != "" {
		m, err := onnx.Open("", nil) // the model is in MINNOW_MODEL
		if err == nil {
			m.Close()
			t.Fatal("opened")
		}
		t.Fatalf("refused: %v", err)
	}

	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	// What a runtime older than the binding's API version does: it answers the question for that version with nothing.
	old := compile(t, filepath.Join(dir, "old.so"), `
		typedef struct { const void *(*get_api)(unsigned); const char *(*version)(void); } base;
		static const void *get_api(unsigned v) { return 0; }
		static const char *version(void) { return "1.16.0"; }
		static const base b = {get_api, version};
		const base *OrtGetApiBase(void) { return &b; }`)
	other := compile(t, filepath.Join(dir, "other.so"), "int answer(void) { return 42; }")

	for name, c := range map[string]struct{ env, path, want string }{
		"missing, named by the user": {"MINNOW_ONNXRUNTIME", filepath.Join(dir, "none.so"), "which is not a file"},
		"missing, set-up never ran":  {"MINNOW_HOME", dir, "run `make setup`"},
		"not a library":              {"MINNOW_ONNXRUNTIME", text, "is not an ONNX Runtime library of version 1.24 or newer"},
		"another library":            {"MINNOW_ONNXRUNTIME", other, "is not an ONNX Runtime library of version 1.24 or newer"},
		"an old version":             {"MINNOW_ONNXRUNTIME", old, "is not an ONNX Runtime library of version 1.24 or newer"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestWrongRuntimesAreRefusedWithWhatToDo$")
			cmd.Env = append(os.Environ(), "MINNOW_TEST_WRONG_RUNTIME=1",
				"MINNOW_MODEL="+testkit.Model(t, testkit.GoldenModel), "MINNOW_ONNXRUNTIME=", c.env+"="+c.path)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the child passed:\n%s", out)
			}
			if refused := regexp.MustCompile(`refused: .*`).Find(out); !strings.Contains(string(refused), c.want) {
				t.Errorf("output\n%s\nwant a refusal with %q", out, c.want)
			}
		})
	}
}

func compile(t *testing.T, path, source string) string {
	t.Helper()
	cmd := exec.Command("cc", "-shared", "-fPIC", "-x", "c", "-", "-o", path)
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	return path
}
