package minnow_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/minnow-search/minnow"
	"github.com/minnow-search/minnow/where"
)

func ask1(t testing.TB, c *minnow.Collection, text string, q *minnow.Query) []minnow.Hit {
	t.Helper()
	hits, err := c.KNNQuery(t.Context(), text, q)
	if err != nil {
		t.Fatalf("KNNQuery(%q, %+v) = %v", text, q, err)
	}
	return hits
}

func TestModesOfAQuery(t *testing.T) {
	c := openNew(t)
	add(t, c,
		doc("both", "river fish"),
		doc("words", "a fish that swims upstream in the cold river at night, and nothing else at all"),
		doc("meaning", "river river fish fish swims"),
		doc("none", "the bank raised interest"))

	hits := ask1(t, c, "Fish river", &minnow.Query{Mode: minnow.Text})
	if got := ids(hits); !slices.Contains(got, "both") || len(got) != 3 {
		t.Errorf("text: %q, want the three that have a word", got)
	}
	for i, h := range hits {
		if h.TextRank != i+1 || h.BM25 <= 0 || h.Score != h.BM25 || h.VectorRank != 0 || h.Distance != 0 || !slices.Equal(h.Words, []string{"Fish", "river"}) {
			t.Errorf("text: hit %d is %+v", i, h)
		}
	}

	hits = ask1(t, c, "Fish river", &minnow.Query{Mode: minnow.Hybrid, K: 4})
	if len(hits) != 4 || hits[3].ID != "none" {
		t.Fatalf("hybrid: %q, want all four, none last", ids(hits))
	}
	exact := ask1(t, c, "Fish river", &minnow.Query{K: 4})
	for i, h := range hits {
		want := 0.0
		if h.VectorRank > 0 {
			want += 1 / float64(60+h.VectorRank)
		}
		if h.TextRank > 0 {
			want += 1 / float64(60+h.TextRank)
		}
		if math.Abs(h.Score-want) > 1e-12 || i > 0 && h.Score > hits[i-1].Score {
			t.Errorf("hybrid: %s at %d has score %v, want %v of ranks %d and %d", h.ID, i, h.Score, want, h.VectorRank, h.TextRank)
		}
		j := slices.IndexFunc(exact, func(e minnow.Hit) bool { return e.ID == h.ID })
		if h.Distance != exact[j].Distance || h.Similarity != exact[j].Similarity || h.VectorRank != j+1 {
			t.Errorf("hybrid: %s has distance %v at rank %d, a vector query says %v at %d", h.ID, h.Distance, h.VectorRank, exact[j].Distance, j+1)
		}
	}
	byText := ask1(t, c, "Fish river", &minnow.Query{Mode: minnow.Hybrid, Weights: minnow.Weights{Text: 1}, K: 3})
	if got, want := ids(byText), ids(ask1(t, c, "Fish river", &minnow.Query{Mode: minnow.Text})); !slices.Equal(got, want) {
		t.Errorf("hybrid with no weight on vectors: %q, text alone: %q", got, want)
	}
	vec, err := c.Embed(t.Context(), []string{"Fish river"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.KNNQueryVector(t.Context(), vec[0], &minnow.Query{Mode: minnow.Hybrid, Words: "interest", K: 1, Weights: minnow.Weights{Vector: 0.1, Text: 1}})
	if err != nil || len(other) != 1 || other[0].ID != "none" {
		t.Errorf("hybrid with words of its own: %v, %v, want none", ids(other), err)
	}
}

// A document that is far by meaning and comes by its words alone has its
// distance all the same.
func TestHybridMeasuresWhatComesByWords(t *testing.T) {
	c := openNew(t)
	var docs []minnow.Document
	for i := range 300 {
		docs = append(docs, doc(fmt.Sprint(i), fmt.Sprintf("w1 w2 %s", strings.Repeat("w1 ", i%5))))
	}
	docs = append(docs, doc("far", "zebra "+strings.Repeat("xylophone ", 30)))
	add(t, c, docs...)
	hits := ask1(t, c, "w1 w2 zebra", &minnow.Query{Mode: minnow.Hybrid, K: 200})
	i := slices.IndexFunc(hits, func(h minnow.Hit) bool { return h.ID == "far" })
	all := ask1(t, c, "w1 w2 zebra", &minnow.Query{K: 1000})
	j := slices.IndexFunc(all, func(h minnow.Hit) bool { return h.ID == "far" })
	if i < 0 || hits[i].VectorRank != 0 || hits[i].TextRank != 1 || hits[i].Distance != all[j].Distance || !slices.Equal(hits[i].Words, []string{"zebra"}) {
		t.Errorf("hybrid: far is hit %d of %d: %+v, want distance %v", i, len(hits), hits[max(i, 0)], all[j].Distance)
	}
}

func TestWhereLetsInWhatItSays(t *testing.T) {
	c := openNew(t)
	var docs []minnow.Document
	for i := range 400 {
		d := doc(fmt.Sprint(i), sentence(i))
		d.Metadata = map[string]any{"n": i, "even": i%2 == 0, "tags": []string{fmt.Sprint("t", i%3), "all"}, "deep": map[string]any{"x.y": i % 5}}
		docs = append(docs, d)
	}
	add(t, c, docs...)
	for _, f := range []where.Filter{
		where.Eq("even", true), where.Lt("n", 7), where.And(where.Eq("tags", "t1"), where.Not(where.Ge("n", 100))),
		where.Eq(where.Field("deep", "x.y"), 3), where.Eq("n", 399), where.Eq("n", -1), where.Not(where.Exists("n")), where.Exists("deep"),
	} {
		var want []string
		for d, err := range c.Where(t.Context(), f) {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, d.ID)
		}
		for _, mode := range []minnow.Mode{minnow.Vector, minnow.Text, minnow.Hybrid} {
			for range 2 { // evaluated, and remembered
				hits := ask1(t, c, "w1 w2 w3", &minnow.Query{K: 500, Mode: mode, Where: f})
				got := ids(hits)
				for _, id := range got {
					if !slices.Contains(want, id) {
						t.Errorf("%s, %s: document %s is no match", f, mode, id)
					}
				}
				if mode != minnow.Text && len(got) != len(want) {
					t.Errorf("%s, %s: %d documents, want %d", f, mode, len(got), len(want))
				}
			}
		}
	}
	// What is remembered follows changes.
	f := where.Lt("n", 7)
	add(t, c, minnow.Document{ID: "new", Text: "w1", Metadata: map[string]any{"n": 1}}, minnow.Document{ID: "3", Text: sentence(3), Metadata: map[string]any{"n": 70}})
	got := ids(ask1(t, c, "w1", &minnow.Query{K: 500, Where: f}))
	slices.Sort(got)
	if want := []string{"0", "1", "2", "4", "5", "6", "new"}; !slices.Equal(got, want) {
		t.Errorf("after a change: %q, want %q", got, want)
	}
	if err := func() error {
		_, err := c.KNNQuery(t.Context(), "w1", &minnow.Query{Where: where.Eq("", 1)})
		return err
	}(); !errors.Is(err, minnow.ErrInvalid) {
		t.Errorf("a bad filter = %v, want ErrInvalid", err)
	}
	for _, err := range c.Where(t.Context(), where.Eq("", 1)) {
		if !errors.Is(err, minnow.ErrInvalid) {
			t.Errorf("Where of a bad filter = %v, want ErrInvalid", err)
		}
	}
}

func TestPagesJoinUp(t *testing.T) {
	c := openNew(t)
	for i := range 60 {
		add(t, c, doc(fmt.Sprint(i), fmt.Sprintf("w1 w2 u%d v%d", i, i*i)))
	}
	for _, mode := range []minnow.Mode{minnow.Vector, minnow.Text, minnow.Hybrid} {
		all := ids(ask1(t, c, "w1 u7 v9", &minnow.Query{K: 30, Mode: mode}))
		var joined []string
		for offset := 0; offset < 30; offset += 10 {
			joined = append(joined, ids(ask1(t, c, "w1 u7 v9", &minnow.Query{K: 10, Offset: offset, Mode: mode}))...)
		}
		if !slices.Equal(all, joined) {
			t.Errorf("%s: three pages are\n%q, one of 30 is\n%q", mode, joined, all)
		}
		if got := ask1(t, c, "w1", &minnow.Query{Offset: 1000, Mode: mode}); len(got) != 0 {
			t.Errorf("%s: a page beyond the end has %d hits", mode, len(got))
		}
	}
	least := ask1(t, c, "w1 u7 v9", &minnow.Query{K: 60})[20].Similarity
	for _, h := range ask1(t, c, "w1 u7 v9", &minnow.Query{K: 60, MinSimilarity: least}) {
		if h.Similarity < least {
			t.Errorf("MinSimilarity %v lets in %v", least, h.Similarity)
		}
	}
	if got := len(ask1(t, c, "w1 u7 v9", &minnow.Query{K: 60, MinSimilarity: least})); got < 21 || got == 60 {
		t.Errorf("MinSimilarity %v leaves %d hits, want those at least as near as the 21st", least, got)
	}
	if got := ask1(t, c, "w1", &minnow.Query{MinSimilarity: 2}); len(got) != 0 {
		t.Errorf("MinSimilarity 2 leaves %d hits", len(got))
	}
}

func TestExamplesLeadTheQuery(t *testing.T) {
	c := openNew(t)
	add(t, c, doc("cat", "cat cat pet"), doc("dog", "dog dog pet"), doc("kitten", "cat small pet"), doc("puppy", "dog small pet"), doc("car", "engine wheel"))
	similar, err := c.SimilarTo(t.Context(), "cat", &minnow.Query{K: 4})
	if err != nil || len(similar) != 4 || similar[0].ID != "kitten" || slices.Contains(ids(similar), "cat") {
		t.Errorf("SimilarTo(cat) = %q, %v, want kitten first, and not cat", ids(similar), err)
	}
	hits := ask1(t, c, "small", &minnow.Query{K: 1, Near: []minnow.Example{{ID: "dog"}}, Away: []minnow.Example{{Text: "cat"}}})
	if got := ids(hits); !slices.Equal(got, []string{"puppy"}) {
		t.Errorf("small, near dog, away from cat: %q, want puppy", got)
	}
	vec, err := c.Embed(t.Context(), []string{"engine"})
	if err != nil {
		t.Fatal(err)
	}
	hits = ask1(t, c, "", &minnow.Query{K: 1, Near: []minnow.Example{{Vector: vec[0]}, {Text: "wheel"}}})
	if got := ids(hits); !slices.Equal(got, []string{"car"}) {
		t.Errorf("examples alone: %q, want car", got)
	}
	for name, q := range map[string]*minnow.Query{
		"an empty example":           {Near: []minnow.Example{{}}},
		"an example of two things":   {Near: []minnow.Example{{ID: "cat", Text: "cat"}}},
		"a vector of another length": {Away: []minnow.Example{{Vector: []float32{1}}}},
		"examples that cancel":       {Away: []minnow.Example{{Text: "x"}, {Text: "x"}}, Near: nil},
		"text not UTF-8":             {Near: []minnow.Example{{Text: "\xff"}}},
	} {
		text := "x"
		if name == "examples that cancel" {
			// n + (n - a) = 0 needs a = 2n, which no mean of directions is: this one is fine.
			if _, err := c.KNNQuery(t.Context(), text, q); err != nil {
				t.Errorf("%s = %v, want nil", name, err)
			}
			continue
		}
		if _, err := c.KNNQuery(t.Context(), text, q); !errors.Is(err, minnow.ErrInvalid) {
			t.Errorf("%s = %v, want ErrInvalid", name, err)
		}
	}
	if _, err := c.SimilarTo(t.Context(), "nobody", nil); !errors.Is(err, minnow.ErrNotFound) {
		t.Errorf("SimilarTo(nobody) = %v, want ErrNotFound", err)
	}
	if _, err := c.SimilarTo(t.Context(), "", nil); !errors.Is(err, minnow.ErrInvalid) {
		t.Errorf("SimilarTo of no ID = %v, want ErrInvalid", err)
	}
}

func TestDiversityPassesOverTwins(t *testing.T) {
	c := openNew(t)
	for i := range 5 {
		add(t, c, doc(fmt.Sprint("twin", i), "fish river water"))
	}
	add(t, c, doc("other", "fish river soup kitchen"), doc("third", "fish market coin sale"))
	for _, mode := range []minnow.Mode{minnow.Vector, minnow.Hybrid, minnow.Text} {
		hits := ask1(t, c, "fish river water", &minnow.Query{K: 3, Mode: mode, Diversity: 0.8})
		twins := 0
		for _, h := range hits {
			if strings.HasPrefix(h.ID, "twin") {
				twins++
			}
		}
		if len(hits) != 3 || twins != 1 {
			t.Errorf("%s: %q, want one twin and the others", mode, ids(hits))
		}
	}
	plain, same := ask1(t, c, "fish river water", &minnow.Query{K: 3}), ask1(t, c, "fish river water", &minnow.Query{K: 3, Diversity: 1e-6})
	if !slices.Equal(ids(plain), ids(same)) {
		t.Errorf("hardly any diversity: %q, want %q", ids(same), ids(plain))
	}
}

func TestAQueryThatMakesNoSenseIsRefused(t *testing.T) {
	c := openNew(t)
	add(t, c, doc("a", "text"))
	nan := float32(math.NaN())
	for name, q := range map[string]minnow.Query{
		"an unknown mode":            {Mode: "semantic"},
		"a negative K":               {K: -1},
		"a negative offset":          {Offset: -1},
		"a negative ef":              {Ef: -1},
		"NaN as a minimum":           {MinSimilarity: nan},
		"diversity above 1":          {Diversity: 1.5},
		"diversity below 0":          {Diversity: -0.1},
		"diversity NaN":              {Diversity: nan},
		"a negative weight":          {Mode: minnow.Hybrid, Weights: minnow.Weights{Vector: -1, Text: 1}},
		"an infinite weight":         {Mode: minnow.Hybrid, Weights: minnow.Weights{Vector: math.Inf(1)}},
		"a minimum without vectors":  {Mode: minnow.Text, MinSimilarity: 0.5},
		"examples without vectors":   {Mode: minnow.Text, Near: []minnow.Example{{ID: "a"}}},
		"passages of a text query":   {Mode: minnow.Text, Passages: true},
		"words that are not UTF-8":   {Mode: minnow.Hybrid, Words: "\xff"},
		"a filter that is no filter": {Where: where.Lt("a", nil)},
	} {
		if _, err := c.KNNQuery(t.Context(), "text", &q); !errors.Is(err, minnow.ErrInvalid) {
			t.Errorf("%s = %v, want ErrInvalid", name, err)
		}
	}
	vec := make([]float32, 32)
	vec[0] = 1
	if _, err := c.KNNQueryVector(t.Context(), vec, &minnow.Query{Mode: minnow.Hybrid}); !errors.Is(err, minnow.ErrInvalid) {
		t.Errorf("hybrid without words = %v, want ErrInvalid", err)
	}
	if _, err := c.KNNQuery(t.Context(), "", &minnow.Query{Mode: minnow.Text}); !errors.Is(err, minnow.ErrInvalid) {
		t.Errorf("text without words = %v, want ErrInvalid", err)
	}
	// A text query may be all punctuation: it finds nothing.
	if hits := ask1(t, c, "?!*", &minnow.Query{Mode: minnow.Text}); len(hits) != 0 {
		t.Errorf("punctuation finds %q", ids(hits))
	}
	if hits := ask1(t, c, `"NEAR(* AND`, &minnow.Query{Mode: minnow.Hybrid}); len(hits) != 1 {
		t.Errorf("a hybrid query of odd words finds %q, want a by its vector", ids(hits))
	}
}

// halves is a splitter that cuts after each full stop.
type halves struct{ id string }

func (h halves) ID() string { return h.id }

func (halves) Split(text string) ([][2]int, error) {
	var spans [][2]int
	start := 0
	for part := range strings.SplitAfterSeq(text, ".") {
		if part != "" {
			spans = append(spans, [2]int{start, start + len(part)})
		}
		start += len(part)
	}
	return spans, nil
}

func TestASplitTextIsFoundByItsPassages(t *testing.T) {
	w := &words{}
	dir := t.TempDir()
	c := open(t, dir, w, &minnow.Options{Splitter: halves{"halves"}})
	add(t, c,
		doc("long", "fish river.bank money.car engine wheel."),
		doc("short", "fish soup"),
		doc("more", strings.Repeat("fish river.", 20)))
	if s := c.Stats(); s.Documents != 3 || s.Passages != 24 {
		t.Errorf("Stats: %d documents of %d passages, want 3 and 24", s.Documents, s.Passages)
	}
	hit := ask1(t, c, "bank money", &minnow.Query{K: 1})[0]
	if hit.ID != "long" || hit.Passage() != "bank money." || hit.Start != len("fish river.") {
		t.Errorf("bank money: %s at %d:%d, want the second passage of long", hit.ID, hit.Start, hit.End)
	}
	for _, mode := range []minnow.Mode{minnow.Vector, minnow.Hybrid, minnow.Text} {
		hits := ask1(t, c, "fish river", &minnow.Query{K: 3, Mode: mode})
		got := ids(hits)
		slices.Sort(got)
		if !slices.Equal(got, []string{"long", "more", "short"}) {
			t.Errorf("%s: %q, want each document once", mode, got)
		}
		for _, h := range hits {
			if mode != minnow.Text && h.ID == "long" && h.Passage() != "fish river." {
				t.Errorf("%s: long is shown by %q", mode, h.Passage())
			}
		}
	}
	passages := ask1(t, c, "fish river", &minnow.Query{K: 22, Passages: true})
	if len(passages) != 22 || passages[20].Distance > 1e-6 || passages[21].Distance < 1e-6 {
		t.Errorf("passages: %d, want 21 that say fish river and one more", len(passages))
	}
	similar, err := c.SimilarTo(t.Context(), "more", nil)
	if err != nil || slices.Contains(ids(similar), "more") || len(similar) != 2 {
		t.Errorf("SimilarTo(more) = %q, %v, want the two others", ids(similar), err)
	}

	embedded := w.texts.Load()
	add(t, c, doc("long", "fish river.bank money.car engine wheel."))
	if got := w.texts.Load(); got != embedded {
		t.Errorf("the same text was embedded again: %d passages", got-embedded)
	}
	closeNow(t, c)
	c = open(t, dir, w, nil) // without the splitter, what is stored stays
	if hit := ask1(t, c, "bank money", &minnow.Query{K: 1})[0]; hit.Passage() != "bank money." {
		t.Errorf("after Open: %q", hit.Passage())
	}
	add(t, c, doc("long", "fish river.bank money.car engine wheel."))
	if s := c.Stats(); s.Passages != 22 {
		t.Errorf("added again without a splitter: %d passages, want 22", s.Passages)
	}
	if n, err := c.Delete(t.Context(), "more"); n != 1 || err != nil || c.Stats().Passages != 2 {
		t.Errorf("Delete(more) = %d, %v, and %d passages are left; want 1 document and 2 passages", n, err, c.Stats().Passages)
	}
}

// badCuts gives what a splitter must not.
type badCuts struct {
	spans [][2]int
	err   error
}

func (badCuts) ID() string                       { return "bad" }
func (b badCuts) Split(string) ([][2]int, error) { return b.spans, b.err }

func TestABadSplitterIsFoundOut(t *testing.T) {
	broken := errors.New("broken")
	for name, s := range map[string]badCuts{
		"none":                {},
		"an empty one":        {spans: [][2]int{{1, 1}}},
		"before the text":     {spans: [][2]int{{-1, 1}}},
		"beyond the text":     {spans: [][2]int{{0, 6}}},
		"inside a character":  {spans: [][2]int{{0, 1}, {1, 4}}},
		"an error of its own": {err: broken},
	} {
		c := open(t, t.TempDir(), &words{}, &minnow.Options{Splitter: s})
		if err := c.Add(t.Context(), doc("a", "ä é")); !errors.Is(err, minnow.ErrInvalid) && !errors.Is(err, broken) {
			t.Errorf("%s: Add = %v, want ErrInvalid or the splitter's error", name, err)
		}
		if c.Len() != 0 {
			t.Errorf("%s: something was stored", name)
		}
	}
}

// limited reads two words of a text.
type limited struct{ words }

func (l *limited) EmbedPassages(ctx context.Context, texts []string) ([][]float32, []bool, error) {
	short, cut := make([]string, len(texts)), make([]bool, len(texts))
	for i, text := range texts {
		fields := strings.Fields(text)
		cut[i] = len(fields) > 2
		short[i] = strings.Join(fields[:min(2, len(fields))], " ")
	}
	vectors, err := l.Embed(ctx, short)
	return vectors, cut, err
}

func TestAHitSaysThatItsTextWasCut(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, &limited{}, nil)
	add(t, c, doc("long", "one two three"), doc("short", "one two"))
	closeNow(t, c)
	c = open(t, dir, &limited{}, nil)
	for _, h := range ask1(t, c, "one", nil) {
		if h.Truncated != (h.ID == "long") {
			t.Errorf("%s: Truncated is %v", h.ID, h.Truncated)
		}
	}
}
