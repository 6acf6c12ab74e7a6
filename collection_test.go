package minnow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minnow-search/minnow"
)

func TestAddReplacesByID(t *testing.T) {
	c := openNew(t)
	add(t, c, doc("a", "small fish"), doc("b", "big bank"), doc("c", "red car"))
	add(t, c, doc("b", "green tree"), doc("d", "old house"))
	wantDocuments(t, c, doc("a", "small fish"), doc("b", "green tree"), doc("c", "red car"), doc("d", "old house"))
	if d := cmp.Diff([]string{"b"}, ids(query(t, c, "a green tree", 1))); d != "" {
		t.Errorf("query for the new text: -want +got\n%s", d)
	}
	for _, h := range query(t, c, "big bank", 10) {
		if h.Text == "big bank" {
			t.Errorf("query finds the replaced text in %q", h.ID)
		}
	}
}

func TestOfOneIDInOneAddTheLastIsKept(t *testing.T) {
	c := openNew(t)
	add(t, c, doc("a", "one"), doc("b", "two"), doc("a", "three"))
	wantDocuments(t, c, doc("a", "three"), doc("b", "two"))
}

func TestDeleteCountsWhatItRemoved(t *testing.T) {
	c := openNew(t)
	add(t, c, doc("a", "small fish"), doc("b", "big bank"))
	for _, test := range []struct {
		ids  []string
		want int
	}{{nil, 0}, {[]string{"unknown"}, 0}, {[]string{"a", "unknown", "a"}, 1}, {[]string{"a"}, 0}} {
		if got, err := c.Delete(t.Context(), test.ids...); got != test.want || err != nil {
			t.Errorf("Delete(%q) = %d, %v, want %d", test.ids, got, err, test.want)
		}
	}
	wantDocuments(t, c, doc("b", "big bank"))
	if d := cmp.Diff([]string{"b"}, ids(query(t, c, "small fish", 5))); d != "" {
		t.Errorf("query for the deleted text: -want +got\n%s", d)
	}
	if _, err := c.Get(t.Context(), "a"); !errors.Is(err, minnow.ErrNotFound) {
		t.Errorf("Get of a deleted document = %v, want ErrNotFound", err)
	}
}

func TestOnlyNewTextsAreEmbedded(t *testing.T) {
	w := &words{}
	c := open(t, t.TempDir(), w, nil)
	for _, step := range []struct {
		name string
		docs []minnow.Document
		want int64 // texts embedded so far
	}{
		{"new texts, two of them equal", []minnow.Document{doc("a", "one"), doc("b", "two"), doc("c", "one")}, 2},
		{"the same again", []minnow.Document{doc("a", "one"), doc("b", "two")}, 2},
		{"other metadata", []minnow.Document{{ID: "a", Text: "one", Metadata: map[string]any{"k": "v"}}}, 2},
		{"one other text", []minnow.Document{doc("a", "one"), doc("b", "three")}, 3},
		{"a text overwritten in the same call", []minnow.Document{doc("d", "never embedded"), doc("d", "four")}, 4},
	} {
		add(t, c, step.docs...)
		if got := w.texts.Load(); got != step.want {
			t.Errorf("%s: %d texts embedded so far, want %d", step.name, got, step.want)
		}
	}
	wantDocuments(t, c, doc("a", "one"), doc("b", "three"), doc("c", "one"), doc("d", "four"))
}

func TestMetadataOfAnyTypeComesBack(t *testing.T) {
	type named string
	for _, test := range []struct {
		name      string
		put, want map[string]any
	}{
		{"nil stays nil", nil, nil},
		{"an empty map stays empty", map[string]any{}, map[string]any{}},
		{"numbers keep every digit",
			map[string]any{"int": math.MaxInt64, "uint": uint64(math.MaxUint64), "float": 0.1, "own": json.Number("1.10e+400")},
			map[string]any{"int": json.Number("9223372036854775807"), "uint": json.Number("18446744073709551615"), "float": json.Number("0.1"), "own": json.Number("1.10e+400")}},
		{"strings keep every byte",
			map[string]any{"<b>&": "\x00\u2028\ufffd魚", "": named("x")},
			map[string]any{"<b>&": "\x00\u2028\ufffd魚", "": "x"}},
		{"values nest",
			map[string]any{"list": []string{"a"}, "map": map[string]int{"n": 1}, "null": nil, "yes": true, "raw": json.RawMessage(`[1e0]`), "when": time.Unix(0, 0).UTC()},
			map[string]any{"list": []any{"a"}, "map": map[string]any{"n": json.Number("1")}, "null": nil, "yes": true, "raw": []any{json.Number("1e0")}, "when": "1970-01-01T00:00:00Z"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := openNew(t)
			add(t, c, minnow.Document{ID: "a", Text: "fish", Metadata: test.put})
			want := minnow.Document{ID: "a", Text: "fish", Metadata: test.want}
			got, err := c.Get(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("Get: -want +got\n%s", d)
			}
			if d := cmp.Diff(want, query(t, c, "fish", 1)[0].Document); d != "" {
				t.Errorf("KNNQuery: -want +got\n%s", d)
			}
			add(t, c, got) // what was read can be written
			wantDocuments(t, c, want)
		})
	}
}

func TestWhatCannotBeStoredIsRefused(t *testing.T) {
	metadata := func(v any) minnow.Document {
		return minnow.Document{ID: "a", Text: "fish", Metadata: map[string]any{"k": v}}
	}
	for _, test := range []struct {
		name string
		doc  minnow.Document
	}{
		{"an empty ID", doc("", "fish")},
		{"an ID that is not UTF-8", doc("\xff", "fish")},
		{"an empty text", doc("a", "")},
		{"a text that is not UTF-8", doc("a", "\xff")},
		{"metadata that JSON has no form for", metadata(math.NaN())},
		{"a metadata string that is not UTF-8", metadata([]any{map[string]string{"k": "\xff"}})},
		{"a metadata key that is not UTF-8", metadata(map[string]int{"\xff": 1})},
		{"raw metadata that is not UTF-8", metadata(json.RawMessage("\"\xff\""))},
		{"metadata in a struct that is not UTF-8", metadata(&struct{ S string }{"\xff"})},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := openNew(t)
			err := c.Add(t.Context(), doc("good", "fish"), test.doc)
			if !errors.Is(err, minnow.ErrInvalid) {
				t.Errorf("Add() = %v, want ErrInvalid", err)
			}
			wantDocuments(t, c)
		})
	}
}

// faulty is a model that goes wrong in one way.
type faulty struct {
	words
	embed func([][]float32) ([][]float32, error)
}

func (f *faulty) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	v, err := f.words.Embed(ctx, texts)
	if err != nil {
		return nil, err
	}
	return f.embed(v)
}

func TestAnEmbedderGoneWrongStoresNothing(t *testing.T) {
	errModel := errors.New("model on fire")
	for _, test := range []struct {
		name  string
		embed func([][]float32) ([][]float32, error)
		want  error
	}{
		{"its own error comes through", func(v [][]float32) ([][]float32, error) { return nil, errModel }, errModel},
		{"too few vectors", func(v [][]float32) ([][]float32, error) { return v[1:], nil }, minnow.ErrEmbedding},
		{"too many vectors", func(v [][]float32) ([][]float32, error) { return append(v, v[0]), nil }, minnow.ErrEmbedding},
		{"a short vector", func(v [][]float32) ([][]float32, error) { v[1] = v[1][1:]; return v, nil }, minnow.ErrEmbedding},
		{"no vector", func(v [][]float32) ([][]float32, error) { v[1] = nil; return v, nil }, minnow.ErrEmbedding},
		{"NaN", func(v [][]float32) ([][]float32, error) { v[1][3] = float32(math.NaN()); return v, nil }, minnow.ErrEmbedding},
		{"infinity", func(v [][]float32) ([][]float32, error) { v[1][3] = float32(math.Inf(-1)); return v, nil }, minnow.ErrEmbedding},
		{"a zero vector", func(v [][]float32) ([][]float32, error) { clear(v[1]); return v, nil }, minnow.ErrEmbedding},
		{"a vector too short to have a direction", func(v [][]float32) ([][]float32, error) { clear(v[1]); v[1][0] = 1e-20; return v, nil }, minnow.ErrEmbedding},
		{"a vector too long to measure", func(v [][]float32) ([][]float32, error) { v[1][0] = 1e19; return v, nil }, minnow.ErrEmbedding},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &faulty{embed: test.embed}
			c := open(t, t.TempDir(), f, nil)
			if err := c.Add(t.Context(), doc("a", "one"), doc("b", "two")); !errors.Is(err, test.want) {
				t.Errorf("Add() = %v, want %v", err, test.want)
			}
			wantDocuments(t, c)
			f.embed = func(v [][]float32) ([][]float32, error) { return v, nil }
			add(t, c, doc("a", "one"))
			if d := cmp.Diff([]string{"a"}, ids(query(t, c, "one", 1))); d != "" {
				t.Errorf("query after the fault: -want +got\n%s", d)
			}
		})
	}
}

func TestACanceledAddStoresNothing(t *testing.T) {
	c := openNew(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func() error{
		"Add":            func() error { return c.Add(ctx, doc("a", "one")) },
		"Delete":         func() error { _, err := c.Delete(ctx, "a"); return err },
		"Get":            func() error { _, err := c.Get(ctx, "a"); return err },
		"KNNQuery":       func() error { _, err := c.KNNQuery(ctx, "a", nil); return err },
		"KNNQueryVector": func() error { _, err := c.KNNQueryVector(ctx, bag("a"), nil); return err },
		"Save":           func() error { return c.Save(ctx) },
		"Check":          func() error { return c.Check(ctx) },
		"All": func() error {
			for _, err := range c.All(ctx) {
				return err
			}
			return nil
		},
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a canceled context = %v, want context.Canceled", name, err)
		}
	}
	wantDocuments(t, c)
}

func TestCallsAfterCloseReturnErrClosed(t *testing.T) {
	c := openNew(t)
	add(t, c, doc("a", "one"), doc("b", "two"))
	before := c.Stats()
	var inLoop error
	for _, inLoop = range c.All(t.Context()) {
		if err := c.Close(); err != nil {
			t.Errorf("Close() = %v, want nil, however often", err)
		}
	}
	if !errors.Is(inLoop, minnow.ErrClosed) {
		t.Errorf("All closed in its loop ends with %v, want ErrClosed", inLoop)
	}
	ctx := t.Context()
	calls := map[string]func() error{
		"Add":            func() error { return c.Add(ctx) },
		"Delete":         func() error { _, err := c.Delete(ctx); return err },
		"Get":            func() error { _, err := c.Get(ctx, "a"); return err },
		"KNNQuery":       func() error { _, err := c.KNNQuery(ctx, "a", nil); return err },
		"KNNQueryVector": func() error { _, err := c.KNNQueryVector(ctx, bag("a"), nil); return err },
		"Save":           func() error { return c.Save(ctx) },
		"Check":          func() error { return c.Check(ctx) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, minnow.ErrClosed) {
			t.Errorf("%s after Close = %v, want ErrClosed", name, err)
		}
	}
	after := before
	after.SavedSequence, after.GraphReady = before.Sequence, false
	if d := cmp.Diff(after, c.Stats()); d != "" {
		t.Errorf("Stats after Close: -want +got\n%s", d)
	}
}

func TestACollectionRefusesOtherSettings(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, &words{}, &minnow.Options{Space: minnow.L2, M: 8})
	add(t, c, doc("a", "one"))
	closeNow(t, c)
	for _, test := range []struct {
		name  string
		e     minnow.Embedder
		o     *minnow.Options
		named []string
	}{
		{"another model", &words{id: "others"}, nil, []string{"words", "others"}},
		{"another dimension", &wide{}, nil, []string{"32", "33"}},
		{"another space", &words{}, &minnow.Options{Space: minnow.Cosine}, []string{"l2", "cosine"}},
		{"another M", &words{}, &minnow.Options{M: 16}, []string{"8", "16"}},
		{"another EfConstruction", &words{}, &minnow.Options{EfConstruction: 100}, []string{"200", "100"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := minnow.Open(dir, test.e, test.o)
			if !errors.Is(err, minnow.ErrModelMismatch) || c != nil {
				t.Fatalf("Open() = %v, %v, want ErrModelMismatch", c, err)
			}
			for _, name := range test.named {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("Open() = %q, want it to name %q", err, name)
				}
			}
		})
	}
	c = open(t, dir, &words{}, nil) // nothing asked for, nothing refused
	want := minnow.Stats{
		Documents: 1, Passages: 1, Sequence: 1, SavedSequence: 1, Model: "words",
		Space: minnow.L2, Dim: 32, M: 8, EfConstruction: 200, GraphReady: true,
	}
	if d := cmp.Diff(want, c.Stats()); d != "" {
		t.Errorf("Stats: -want +got\n%s", d)
	}
}

// wide has the name of words, and one number more.
type wide struct{ words }

func (*wide) Dim() int { return 33 }

// nameless has no name at all.
type nameless struct{ words }

func (*nameless) ID() string { return "" }

func TestOpenRefusesWhatIsNotAcceptable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := minnow.Open(file, &words{}, nil); err == nil {
		t.Errorf("Open of a file = nil, want an error")
	}
	for _, test := range []struct {
		name string
		e    minnow.Embedder
		o    *minnow.Options
	}{
		{"an embedder without a name", &nameless{}, nil},
		{"an unknown space", &words{}, &minnow.Options{Space: "hamming"}},
		{"a negative M", &words{}, &minnow.Options{M: -1}},
		{"a name that is not UTF-8", &words{id: "\xff"}, nil},
	} {
		if _, err := minnow.Open(t.TempDir(), test.e, test.o); !errors.Is(err, minnow.ErrInvalid) {
			t.Errorf("Open with %s = %v, want ErrInvalid", test.name, err)
		}
	}
}

func TestACollectionOpensWithoutItsModel(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "nothing")
	for _, o := range []*minnow.Options{nil, {ReadOnly: true}} {
		if _, err := minnow.Open(empty, nil, o); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open of nothing = %v, want fs.ErrNotExist", err)
		}
	}
	if _, err := os.Stat(empty); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open left a folder behind: %v", err)
	}

	c := open(t, dir, &words{}, nil)
	add(t, c, doc("fish", "a small fish in the river"), doc("bank", "the bank by the river"), doc("moon", "a full moon"))
	want, err := c.Embed(t.Context(), []string{"a small fish in the river"})
	if err != nil {
		t.Fatal(err)
	}
	closeNow(t, c)

	c = open(t, dir, nil, nil)
	if _, err := c.Delete(t.Context(), "moon"); err != nil {
		t.Fatal(err)
	}
	if got := c.Stats(); got.Model != (&words{}).ID() || got.Documents != 2 {
		t.Errorf("Stats = %+v", got)
	}
	if hits, err := c.SimilarTo(t.Context(), "fish", nil); err != nil || len(hits) != 1 || hits[0].ID != "bank" {
		t.Errorf("SimilarTo = %v, %v, want the bank", hits, err)
	}
	if hits, err := c.KNNQuery(t.Context(), "river", &minnow.Query{Mode: minnow.Text}); err != nil || len(hits) != 2 {
		t.Errorf("KNNQuery by words = %v, %v, want two", hits, err)
	}
	for p, err := range c.Passages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.ID == "fish" && (!slices.Equal(p.Vector, want[0]) || p.End != len("a small fish in the river")) {
			t.Errorf("Passages gave %v, want the vector %v", p, want[0])
		}
	}
	if err := c.Add(t.Context(), doc("new", "needs a model")); !errors.Is(err, minnow.ErrInvalid) || !strings.Contains(err.Error(), "without its model") {
		t.Errorf("Add = %v, want ErrInvalid that says why", err)
	}
	if _, err := c.KNNQuery(t.Context(), "needs a model", nil); !errors.Is(err, minnow.ErrInvalid) {
		t.Errorf("KNNQuery = %v, want ErrInvalid", err)
	}
}

func TestAllMayChangeTheCollectionInItsLoop(t *testing.T) {
	c := openNew(t)
	const n = 30
	for i := range n {
		add(t, c, doc(fmt.Sprint(i), sentence(i)))
	}
	seen := 0
	for d, err := range c.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if _, err := c.Delete(t.Context(), d.ID); err != nil {
			t.Fatal(err)
		}
		add(t, c, doc("new "+d.ID, d.Text))
	}
	if seen != n || c.Len() != n {
		t.Errorf("All yields %d documents and leaves %d, want %d and %d", seen, c.Len(), n, n)
	}
}
