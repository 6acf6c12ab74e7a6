package tokenizer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
	"github.com/minnow-search/minnow/tokenizer"
)

// families are small tokenizers of other families than BERT's uncased one; testdata/make_families.py made them.
var families = []string{"cased", "mpnet", "roberta", "xlmr"}

func openFamily(t testing.TB, family string, o *tokenizer.Options) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Open(filepath.Join("testdata", family+".json"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tok.Close() })
	return tok
}

func TestOtherFamiliesGivePythonsIDs(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "families.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		MaxTokens int `json:"max_tokens"`
		Cases     []struct {
			Family, Name string
			Total        int
			IDs          []uint32
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, c := range testkit.ReadWideGolden(t).Cases {
		texts[c.Name] = c.Text
	}
	toks := map[string]*tokenizer.Tokenizer{}
	for _, family := range families {
		toks[family] = openFamily(t, family, &tokenizer.Options{MaxTokens: golden.MaxTokens})
	}
	if want := len(families) * len(texts); len(golden.Cases) != want {
		t.Fatalf("%d cases, want %d: testdata/make_families.py makes them anew", len(golden.Cases), want)
	}
	for _, c := range golden.Cases {
		e, err := toks[c.Family].Encode(texts[c.Name])
		if err != nil || !slices.Equal(e.IDs, c.IDs) || e.Total != c.Total {
			t.Errorf("%s, %s: %v of %d, %v, want %v of %d", c.Family, c.Name, e.IDs, e.Total, err, c.IDs, c.Total)
		}
	}
}

func TestEachFamilyHasItsSpecialTokens(t *testing.T) {
	for _, c := range []struct {
		family         string
		opening, close string
	}{
		{"cased", "[CLS]", "[SEP]"},
		{"mpnet", "<s>", "</s>"},
		{"roberta", "<s>", "</s>"},
		{"xlmr", "<s>", "</s>"},
	} {
		tok := openFamily(t, c.family, &tokenizer.Options{MaxTokens: 3})
		if n := tok.Closing(); n != 1 {
			t.Errorf("%s: Closing() = %d, want 1", c.family, n)
		}
		for _, text := range []string{"", "a", "a small fish in a small river"} {
			tokens, err := tok.Tokens(text)
			if err != nil {
				t.Fatal(err)
			}
			first, last := tokens[0], tokens[len(tokens)-1]
			if len(tokens) > 3 || first.Text != c.opening || !first.Special || last.Text != c.close || !last.Special {
				t.Errorf("%s: Tokens(%q) = %+v, want at most 3 between %s and %s", c.family, text, tokens, c.opening, c.close)
			}
		}
	}
}

func TestLowerCaseComesBeforeTheTokenizersOwnSteps(t *testing.T) {
	for _, family := range families {
		plain, lower := openFamily(t, family, nil), openFamily(t, family, &tokenizer.Options{LowerCase: true})
		// Rust lower-cases character by character, so a sigma at the end stays σ, unlike in Python's str.lower.
		for upper, want := range map[string]string{
			"A FISH": "a fish", "ÉCOLE": "école", "ΟΔΟΣ": "οδοσ", "a\x00B": "a\x00b", "<MASK>": "<mask>",
		} {
			got, err := lower.Encode(upper)
			if err != nil {
				t.Fatal(err)
			}
			e, err := plain.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			// A special token is looked for before any normalizer runs, so <MASK> does not become one.
			if same := slices.Equal(got.IDs, e.IDs); same == (upper == "<MASK>" && family != "cased") {
				t.Errorf("%s: %q lower-cased = %v, %q = %v", family, upper, got.IDs, want, e.IDs)
			}
		}
	}
}
