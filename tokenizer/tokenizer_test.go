package tokenizer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/tokenizer"
)

func open(t testing.TB, o *tokenizer.Options) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Open(filepath.Join(testkit.Model(t, testkit.GoldenModel), "tokenizer.json"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tok.Close() })
	return tok
}

func TestEncodeGivesPythonsIDs(t *testing.T) {
	golden := testkit.ReadGolden(t)
	tok := open(t, &tokenizer.Options{MaxTokens: golden.MaxLength})
	for _, c := range golden.Cases {
		e, err := tok.Encode(c.Text)
		if err != nil || !slices.Equal(e.IDs, c.IDs) {
			t.Errorf("Encode(%.60q) = %v, %v, want %v", c.Text, e.IDs, err, c.IDs)
		}
	}
}

func TestEncodeGivesPythonsIDsForAwkwardTexts(t *testing.T) {
	golden := testkit.ReadWideGolden(t)
	tok := open(t, &tokenizer.Options{MaxTokens: golden.MaxLength})
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			e, err := tok.Encode(c.Text)
			if err != nil || !slices.Equal(e.IDs, c.IDs) || e.Total != c.Total {
				t.Errorf("Encode(%.60q) = %v of %d, %v, want %v of %d", c.Text, e.IDs, e.Total, err, c.IDs, c.Total)
			}
		})
	}
}

// What Python's tokenizers 0.22 gives for bytes.decode(errors="replace") of each.
func TestEncodeReadsOddBytesAsPythonDoes(t *testing.T) {
	tok := open(t, nil)
	for name, c := range map[string]struct {
		text string
		want []uint32
	}{
		"a NUL byte is dropped":                           {"nul\x00byte", []uint32{101, 16371, 14510, 2618, 102}},
		"a NUL byte inside a special token keeps it text": {"[SE\x00P]", []uint32{101, 1031, 19802, 1033, 102}},
		"a special token in the text is that token":       {"[SEP]", []uint32{101, 102, 102}},
		"broken UTF-8 is dropped":                         {"a\xff\xe2\x82b", []uint32{101, 11113, 102}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := tok.Encode(c.text)
			if err != nil || !slices.Equal(e.IDs, c.want) {
				t.Errorf("Encode(%q) = %v, %v, want %v", c.text, e.IDs, err, c.want)
			}
		})
	}
}

func TestALongTextIsCutFromTheRightAndKeepsItsEndMark(t *testing.T) {
	long := strings.Repeat("word ", 1000)
	for _, limit := range []int{3, 4, 128, 512} {
		e, err := open(t, &tokenizer.Options{MaxTokens: limit}).Encode(long)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.IDs) != limit || e.Total != 1002 || !e.Truncated() {
			t.Errorf("limit %d: %d ids of %d, truncated %v; want %d of 1002, true", limit, len(e.IDs), e.Total, e.Truncated(), limit)
		}
		if first, last := e.IDs[0], e.IDs[limit-1]; first != 101 || last != 102 {
			t.Errorf("limit %d: first id %d, last %d; want [CLS] 101 and [SEP] 102", limit, first, last)
		}
	}
	e, err := open(t, nil).Encode(long)
	if err != nil || len(e.IDs) != 1002 || e.Truncated() {
		t.Errorf("without a limit: %d ids, truncated %v, %v; want 1002, false", len(e.IDs), e.Truncated(), err)
	}
}

func TestWrongFilesAreRefusedWithAReason(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(testkit.Model(t, testkit.GoldenModel), "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data string
		o    *tokenizer.Options
		want string
	}{
		"empty":                   {"", nil, "not a tokenizer.json"},
		"not JSON":                {"\x7fELF", nil, "not a tokenizer.json"},
		"truncated":               {string(whole[:len(whole)/2]), nil, "not a tokenizer.json"},
		"another JSON file":       {`{"model_type": "bert"}`, nil, `no field "model"`},
		"a list":                  {`["model"]`, nil, "not a tokenizer.json"},
		"an unknown model":        {`{"model": {"type": "Abacus"}}`, nil, "not a tokenizer that this library reads"},
		"a model of a wrong type": {`{"model": 3}`, nil, "not a tokenizer that this library reads"},
		"a normalizer of a wrong type": {strings.Replace(string(whole), `"normalizer":{`, `"normalizer":"Bert","x":{`, 1), nil,
			"not a tokenizer.json: normalizer"},
		"a vocabulary without the token for unknown words": {`{"version": "1.0", "added_tokens": [],
			"model": {"type": "WordLevel", "vocab": {"b": 0}, "unk_token": "[UNK]"}}`, nil, "gives no token for a letter"},
		"a negative limit":            {string(whole), &tokenizer.Options{MaxTokens: -1}, "MaxTokens is -1"},
		"no room for a word's tokens": {string(whole), &tokenizer.Options{MaxTokens: 2}, "more than the 2 special tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			tok, err := tokenizer.New([]byte(c.data), c.o)
			if err == nil {
				tok.Close()
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want one with %q", err, c.want)
			}
		})
	}
	if _, err := tokenizer.Open(filepath.Join(t.TempDir(), "tokenizer.json"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: error %v, want os.ErrNotExist", err)
	}
}

// What Python's tokenizers 0.23 gives for the same file.
func TestATokenizerThatKeepsNULIsGivenIt(t *testing.T) {
	data := `{"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
		"post_processor": null, "decoder": null,
		"model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "ab": 2, "\u0000": 3}, "unk_token": "[UNK]"}}`
	tok, err := tokenizer.New([]byte(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tok.Close()
	for text, want := range map[string][]uint32{"a\x00a": {1, 3, 1}, "\x00": {3}, "ab a": {2, 1}, "\U0010FFFD": {0}, "": {}} {
		if e, err := tok.Encode(text); err != nil || !slices.Equal(e.IDs, want) {
			t.Errorf("Encode(%q) = %v, %v, want %v", text, e.IDs, err, want)
		}
	}
	if _, err := tok.Encode("\x00\U0010FFFD"); !errors.Is(err, tokenizer.ErrNUL) {
		t.Errorf("NUL beside its stand-in: error %v, want ErrNUL", err)
	}
	if _, err := tok.Tokens("a\x00"); !errors.Is(err, tokenizer.ErrNUL) {
		t.Errorf("Tokens of a NUL: error %v, want ErrNUL", err)
	}
}

func TestCloseMayRaceWithEncodeAndBeCalledTwice(t *testing.T) {
	tok := open(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				e, err := tok.Encode("a fish")
				if errors.Is(err, tokenizer.ErrClosed) {
					return
				}
				if err != nil || len(e.IDs) != 4 {
					t.Errorf("Encode = %v, %v", e.IDs, err)
					return
				}
			}
		})
	}
	for range 2 {
		if err := tok.Close(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if n := tok.VocabSize(); n != 0 {
		t.Errorf("VocabSize after Close = %d, want 0", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	tok := open(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tok.Encode("any of various small freshwater fish of the family Cyprinidae"); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleTokenizer_Encode() {
	// A tokenizer of three words; a real one is Open("…/tokenizer.json", nil).
	tok, err := tokenizer.New([]byte(`{"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
		"model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "big": 1, "fish": 2}, "unk_token": "[UNK]"}}`),
		&tokenizer.Options{MaxTokens: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tok.Close()
	e, _ := tok.Encode("big old fish")
	fmt.Println(e.IDs, e.Truncated(), e.Total)
	// Output: [1 0] true 3
}
