package tokenizer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/internal/testkit"
)

// A part of a few bytes puts a cut wherever one is allowed.
func TestATextInPartsHasTheIDsOfTheWhole(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 500
	}
	for name, path := range map[string]string{
		"BERT":    filepath.Join(testkit.Model(t, testkit.GoldenModel), "tokenizer.json"),
		"cased":   filepath.Join("testdata", "cased.json"),
		"MPNet":   filepath.Join("testdata", "mpnet.json"),
		"RoBERTa": filepath.Join("testdata", "roberta.json"),
		"XLM-R":   filepath.Join("testdata", "xlmr.json"),
	} {
		for _, o := range []*Options{{}, {MaxTokens: 12}, {LowerCase: true}} {
			t.Run(fmt.Sprintf("%s %+v", name, *o), func(t *testing.T) {
				tok, err := Open(path, o)
				if err != nil {
					t.Fatal(err)
				}
				defer tok.Close()
				if tok.borders == nil {
					t.Fatal("its texts are never cut")
				}
				source, cuts := NewTexts(t, path), 0
				for range n {
					text := strings.ReplaceAll(source.Next(), "\x00", dropped) // Encode has done that before
					size := 1 + source.IntN(20)
					if tok.borders.first(text, size) < len(text) {
						cuts++
					}
					got, err := tok.encodeParts(tok.rust, text, size)
					if err != nil {
						t.Fatal(err)
					}
					want, err := tok.Encode(text)
					if err != nil || got.Total != want.Total || !slices.Equal(got.IDs, want.IDs) {
						t.Fatalf("%q in parts of %d bytes = %v, want %v, %v", text, size, got, want, err)
					}
				}
				if cuts < n/100 {
					t.Errorf("of %d texts %d were cut: too few to trust this test", n, cuts)
				}
			})
		}
	}
}
