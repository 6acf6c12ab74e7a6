package minnow

import (
	"context"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/minnow-search/minnow/store"
	"github.com/minnow-search/minnow/where"
)

// Mode is what a query goes by.
type Mode string

// Modes of a query.
const (
	Vector Mode = "vector" // by meaning. The default
	Text   Mode = "text"   // by words: BM25. Nothing is embedded
	Hybrid Mode = "hybrid" // by both; see [Hit.Score]
)

// Query says how to search. Nil and the zero value are good defaults.
type Query struct {
	// K is how many documents are wanted; 10 by default. There are as many
	// hits, or all that fit if those are fewer.
	K int
	// Offset passes over the first hits: page 3 of ten has Offset 20. Each page
	// is a query of its own and costs as much as all before it together. A
	// hybrid query joins the first 100 of its two lists, or Offset + K if that
	// is more; so pages beyond 100, and pages with Diversity, may repeat a hit.
	Offset int
	// Ef is how many candidates are looked at; 100 by default, and K + Offset
	// at least. More finds more of the true nearest, and takes longer.
	Ef int
	// Recall, such as 0.95, asks instead for a share of the true nearest, and
	// lets the graph find out how many candidates that takes: some queries need
	// few, others many. The first such query of an opened collection, and one after the collection has grown by
	// half, measures that on the collection's own vectors, about 3 ms a
	// thousand passages on two cores. 0 leaves it to Ef.
	Recall float64
	// Mode is what the query goes by; [Vector] by default.
	Mode Mode
	// Where lets in only documents whose metadata fulfils it. The first query
	// with a filter after a write evaluates it, which takes some ten
	// milliseconds if it lets in a hundred thousand; then it is remembered.
	Where where.Filter
	// MinSimilarity leaves out hits whose Similarity is less. 0 leaves out
	// none. It needs vectors, and so not mode [Text].
	MinSimilarity float32
	// Near and Away are examples of what is wanted, beside or in place of the
	// query's text, and of what is not. What is searched by then is
	//
	//	n + (n - a)
	//
	// where n is the mean of the query and all Near, and a that of all Away,
	// each of length 1; n alone without Away. (Qdrant calls this the average
	// vector strategy; it goes back to Rocchio, 1971.) Documents that serve as
	// examples are not among the hits.
	Near, Away []Example
	// Words are what modes [Text] and [Hybrid] look for; the query's text by
	// default. Characters that are no letters or digits separate words and mean
	// nothing: there is no wrong syntax.
	Words string
	// Weights are those of the two lists of [Hybrid]. Both 0 mean 1 and 1.
	Weights Weights
	// Diversity from 0 to 1 trades nearness for hits that differ from one
	// another: maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998)
	// with lambda 1 - Diversity, among the four times K best. 0.3 is a good
	// first try.
	Diversity float32
	// Passages makes each passage of a split text a hit of its own. Otherwise
	// a document is one hit, by its nearest. It needs mode [Vector].
	Passages bool
}

// Weights are those of the lists of a [Hybrid] query.
type Weights struct{ Vector, Text float64 }

// Example stands for a vector: exactly one of its fields is set. Vector is only
// read.
type Example struct {
	ID     string // of a document of the collection; split texts count by the mean of their passages
	Text   string // to be embedded as a query
	Vector []float32
}

const (
	defaultK    = 10
	hybridDepth = 100     // of the two lists of a hybrid query, at least
	maxDepth    = 1 << 28 // more than fits in memory, and no overflow when multiplied
)

// KNNQuery returns the documents that fit text best, the best first. The text
// must be valid UTF-8 and not empty, unless there are q.Near.
//
// It may run beside Add and Delete. Each document is seen as it was before or
// as it is after: with its old text and the distance of that, or with the new
// ones, and once.
//
// What q can't mean is [ErrInvalid]; an example's ID that is not there,
// [ErrNotFound].
func (c *Collection) KNNQuery(ctx context.Context, text string, q *Query) ([]Hit, error) {
	return c.call(ctx, "query", ask{text: text}, q)
}

// KNNQueryVector is [Collection.KNNQuery] with a vector of the caller's, which
// is only read. In mode [Hybrid] q.Words must say which words to look for.
func (c *Collection) KNNQueryVector(ctx context.Context, vec []float32, q *Query) ([]Hit, error) {
	return c.call(ctx, "query", ask{near: []Example{{Vector: vec}}}, q)
}

// SimilarTo returns the documents nearest to one that is there, without itself.
// In mode [Hybrid] q.Words must say which words to look for.
func (c *Collection) SimilarTo(ctx context.Context, id string, q *Query) ([]Hit, error) {
	if id == "" {
		return nil, wrap("similar", fmt.Errorf("%w: the ID is empty", ErrInvalid))
	}
	return c.call(ctx, "similar", ask{near: []Example{{ID: id}}}, q)
}

func (c *Collection) call(ctx context.Context, op string, a ask, q *Query) ([]Hit, error) {
	if err := c.enter(); err != nil {
		return nil, wrap(op, err)
	}
	defer c.leave()
	if q != nil {
		a.Query = *q
	}
	a.near = append(a.near, a.Near...)
	if err := a.complete(); err != nil {
		return nil, wrap(op, err)
	}
	if err := c.aim(ctx, &a); err != nil {
		return nil, wrap(op, err)
	}
	hits, err := c.answer(ctx, &a)
	return hits, wrap(op, err)
}

// ask is a question on its way to an answer.
type ask struct {
	Query
	text    string
	near    []Example
	vec     []float32       // what is searched by; nil in mode Text
	words   []string        // what is looked for; nil in mode Vector
	exclude map[uint64]bool // labels of the examples
}

// complete checks the question and puts defaults in.
func (a *ask) complete() error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	if a.Mode == "" {
		a.Mode = Vector
	}
	if a.K == 0 {
		a.K = defaultK
	}
	if a.Words == "" {
		a.Words = a.text
	}
	if a.Weights == (Weights{}) {
		a.Weights = Weights{1, 1}
	}
	switch {
	case a.Mode != Vector && a.Mode != Text && a.Mode != Hybrid:
		return invalid("mode %q is none of vector, text, hybrid", a.Mode)
	case a.K < 0 || a.Ef < 0 || a.Offset < 0:
		return invalid("K %d, Ef %d and Offset %d must not be negative", a.K, a.Ef, a.Offset)
	case a.Recall != 0 && !(a.Recall > 0 && a.Recall < 1):
		return invalid("Recall %v is not between 0 and 1", a.Recall)
	case a.Recall != 0 && a.Ef != 0:
		return invalid("Recall %v and Ef %d: one of the two says how far to look", a.Recall, a.Ef)
	case !utf8.ValidString(a.text) || !utf8.ValidString(a.Words):
		return invalid("the text is not valid UTF-8")
	case a.Mode != Text && a.text == "" && len(a.near) == 0:
		return invalid("the text is empty")
	case a.Mode != Vector && a.Words == "":
		return invalid("mode %q needs words to look for", a.Mode)
	case a.Mode == Text && (len(a.near) > 0 || len(a.Away) > 0 || a.MinSimilarity != 0):
		return invalid("mode %q measures no vectors: no examples, no MinSimilarity", a.Mode)
	case a.Mode != Vector && a.Passages:
		return invalid("Passages needs mode %q", Vector)
	case isNaN(a.MinSimilarity) || isNaN(a.Diversity) || a.Diversity < 0 || a.Diversity > 1:
		return invalid("MinSimilarity %v must be a number, and Diversity %v one from 0 to 1", a.MinSimilarity, a.Diversity)
	case !isWeight(a.Weights.Vector) || !isWeight(a.Weights.Text):
		return invalid("the weights %v and %v must be 0 or more", a.Weights.Vector, a.Weights.Text)
	case a.Where.Err() != nil:
		return invalid("%w", a.Where.Err())
	}
	a.K, a.Offset = min(a.K, maxDepth), min(a.Offset, maxDepth)
	if a.Mode != Vector {
		a.words = store.Words(a.Words)
	}
	return nil
}

func isNaN(x float32) bool { return x != x }

func isWeight(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }

// depth is how many documents each list must have.
func (a *ask) depth() int {
	n := a.Offset + a.K
	if a.Diversity > 0 {
		n *= 4
	}
	if a.Mode == Hybrid {
		n = max(n, hybridDepth)
	}
	return n
}
