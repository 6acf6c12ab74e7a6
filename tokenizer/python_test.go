package tokenizer_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/tokenizer"
)

// span is a token as Python sees it.
type span struct{ ID, Start, End uint32 }

// python returns what the Python package tokenizers makes of texts.
func python(t *testing.T, path string, texts []string) [][]span {
	t.Helper()
	interpreter := os.Getenv("MINNOW_PYTHON")
	if interpreter == "" {
		t.Skip("MINNOW_PYTHON, a Python with tokenizers, is not set: scripts/setup.sh test && eval \"$(scripts/setup.sh env)\"")
	}
	var in, out, trouble bytes.Buffer
	for _, text := range texts {
		in.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text))))
		in.WriteString(text)
	}
	cmd := exec.Command(interpreter, filepath.Join("testdata", "interop.py"), path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &trouble
	if err := cmd.Run(); err != nil {
		t.Fatalf("python: %v\n%s", err, trouble.Bytes())
	}
	answers := make([][]span, len(texts))
	for i := range answers {
		var n uint32
		if err := binary.Read(&out, binary.LittleEndian, &n); err != nil {
			t.Fatalf("python's answer to %q: %v", texts[i], err)
		}
		answers[i] = make([]span, n)
		if err := binary.Read(&out, binary.LittleEndian, answers[i]); err != nil {
			t.Fatalf("python's answer to %q: %v", texts[i], err)
		}
	}
	return answers
}

func TestRandomTextsGetPythonsIDs(t *testing.T) {
	for name, c := range map[string]struct {
		path  string
		texts int
	}{
		"BERT":    {filepath.Join(testkit.Model(t, testkit.GoldenModel), "tokenizer.json"), 100_000},
		"cased":   {filepath.Join("testdata", "cased.json"), 5_000},
		"MPNet":   {filepath.Join("testdata", "mpnet.json"), 5_000},
		"RoBERTa": {filepath.Join("testdata", "roberta.json"), 5_000},
		"XLM-R":   {filepath.Join("testdata", "xlmr.json"), 5_000},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() {
				c.texts /= 50
			}
			source := tokenizer.NewTexts(t, c.path)
			texts := make([]string, c.texts)
			for i := range texts {
				texts[i] = source.Next()
			}
			tok, err := tokenizer.Open(c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tok.Close()
			wrong := 0
			for i, want := range python(t, c.path, texts) {
				if !sameAsPython(t, tok, texts[i], want) {
					if wrong++; wrong == 10 {
						t.Fatal("and so on")
					}
				}
			}
		})
	}
}

// sameAsPython compares ids, and where each token lies in the text.
func sameAsPython(t *testing.T, tok *tokenizer.Tokenizer, text string, want []span) bool {
	t.Helper()
	e, err := tok.Encode(text)
	same := err == nil && len(e.IDs) == len(want) && e.Total == len(want)
	for i := 0; same && i < len(want); i++ {
		same = e.IDs[i] == want[i].ID
	}
	if !same {
		t.Errorf("Encode(%q) = %v, %v, want %v", text, e.IDs, err, want)
		return false
	}
	if tokens, err := tok.Tokens(text); err != nil {
		same = err == tokenizer.ErrNUL && strings.Contains(text, "\x00")
	} else {
		same = len(tokens) == len(want)
		for i := 0; same && i < len(want); i++ {
			same = span{tokens[i].ID, uint32(tokens[i].Start), uint32(tokens[i].End)} == want[i]
		}
	}
	if !same {
		tokens, err := tok.Tokens(text)
		t.Errorf("Tokens(%q) = %+v, %v, want %v", text, tokens, err, want)
	}
	return same
}
