package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minnow-search/minnow/store"
	"github.com/minnow-search/minnow/where"
)

// holds is what a filter means, said another way: of the entries of a
// document's metadata.
func holds(f where.Filter, entries []where.Entry) bool {
	switch f.Op() {
	case "":
		return true
	case where.OpAnd:
		return !slices.ContainsFunc(f.Parts(), func(p where.Filter) bool { return !holds(p, entries) })
	case where.OpOr:
		return slices.ContainsFunc(f.Parts(), func(p where.Filter) bool { return holds(p, entries) })
	case where.OpNot:
		return !holds(f.Parts()[0], entries)
	case where.OpNe:
		return !holds(where.Filter(where.In(f.Field(), plain(f.Values()[0]))), entries)
	}
	return slices.ContainsFunc(entries, func(e where.Entry) bool {
		if e.Field != f.Field() {
			return false
		}
		return f.Op() == where.OpExists || slices.ContainsFunc(f.Values(), func(v where.Value) bool {
			return v.Kind == e.Value.Kind && compares(f.Op(), e.Value, v)
		})
	})
}

func plain(v where.Value) any {
	switch v.Kind {
	case where.Null:
		return nil
	case where.Bool:
		return v.Value == int64(1)
	}
	return v.Value
}

func compares(op where.Op, a, b where.Value) bool {
	if op == where.OpPrefix {
		return strings.HasPrefix(a.Value.(string), b.Value.(string))
	}
	var order int
	switch x := a.Value.(type) {
	case string:
		order = strings.Compare(x, b.Value.(string))
	default:
		if slices.Equal([]any{x}, []any{b.Value}) {
			order = 0
		} else if asFloat(x) < asFloat(b.Value) {
			order = -1
		} else {
			order = 1
		}
	}
	return map[where.Op]bool{
		where.OpEq: order == 0, where.OpIn: order == 0, where.OpLt: order < 0, where.OpLe: order <= 0,
		where.OpGt: order > 0, where.OpGe: order >= 0,
	}[op]
}

func asFloat(v any) float64 {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	return v.(float64)
}

var (
	someFields = []string{"a", "b", "a.b", `a\.b`, "c.d", "missing"}
	someValues = []any{nil, true, false, 0, 1, 2, -1.5, 0.5, 1e30, math.Inf(1), "", "a", "ab", "b", "é", "\U0010FFFF", "\ud7ff", "1"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func randomFilter(r *rand.Rand, depth int) where.Filter {
	field, value := pick(r, someFields), pick(r, someValues)
	if n := r.IntN(13); depth > 0 && n < 5 {
		parts := make([]where.Filter, r.IntN(4))
		for i := range parts {
			parts[i] = randomFilter(r, depth-1)
		}
		switch n {
		case 0, 1:
			return where.And(parts...)
		case 2, 3:
			return where.Or(parts...)
		}
		return where.Not(randomFilter(r, depth-1))
	}
	switch r.IntN(9) {
	case 0:
		return where.Ne(field, value)
	case 1:
		return where.In(field, value, pick(r, someValues))
	case 2:
		return where.Exists(field)
	case 3:
		if s, ok := value.(string); ok {
			return where.Prefix(field, s)
		}
	}
	order := pick(r, []func(string, any) where.Filter{where.Lt, where.Le, where.Gt, where.Ge})
	if f := order(field, value); f.Err() == nil && r.IntN(2) == 0 {
		return f
	}
	return where.Eq(field, value)
}

func randomMetadata(r *rand.Rand) string {
	object := map[string]any{}
	value := func() any {
		v := pick(r, someValues)
		if v == math.Inf(1) {
			return json.Number("1e999")
		}
		return v
	}
	for _, key := range []string{"a", "b", "a.b", "c"} {
		switch r.IntN(5) {
		case 0, 1:
			object[key] = value()
		case 2:
			object[key] = []any{value(), value(), []any{value()}}
		case 3:
			object[key] = map[string]any{"b": value(), "d": value()}
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestMatchIsWhatTheFilterMeans(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 1))
	s := openNew(t)
	metadata := map[string]string{} // by ID
	for round := range 12 {
		for range 20 {
			id := fmt.Sprint(r.IntN(60))
			switch r.IntN(4) {
			case 0:
				remove(t, s, id)
				delete(metadata, id)
			default: // new, replaced, or with other metadata only
				metadata[id] = randomMetadata(r)
				put(t, s, withMetadata(doc(id, fmt.Sprint(r.IntN(2)), 1), metadata[id]))
			}
		}
		for range 60 {
			f := randomFilter(r, 3)
			m, err := s.Match(t.Context(), f)
			if err != nil {
				t.Fatalf("Match(%s) = %v", f, err)
			}
			got := map[string]bool{}
			rows, err := s.ByLabel(t.Context(), m.Labels())
			if err != nil {
				t.Fatal(err)
			}
			for label, row := range rows {
				got[row.Document.ID] = true
				if !m.Has(label) {
					t.Errorf("Has(%d) is false of a label in Labels", label)
				}
			}
			var listed []string
			for _, d := range collect(t, s.DocumentsWhere(t.Context(), f)) {
				listed = append(listed, d.ID)
			}
			if len(listed) != len(got) {
				t.Errorf("%s: DocumentsWhere yields %d documents, Match %d", f, len(listed), len(got))
			}
			for id, text := range metadata {
				entries, err := where.Entries([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				if want := holds(f, entries); got[id] != want || slices.Contains(listed, id) != want {
					t.Errorf("round %d, %s on %s: got %v, want %v", round, f, text, got[id], want)
				}
			}
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMatchRefusesWhatMakesNoSense(t *testing.T) {
	s := openNew(t)
	if _, err := s.Match(t.Context(), where.Eq("", 1)); !errors.Is(err, store.ErrInvalid) || !errors.Is(err, where.ErrInvalid) {
		t.Errorf("Match of a bad filter = %v, want ErrInvalid", err)
	}
	if err := firstError(s.DocumentsWhere(t.Context(), where.Eq("", 1))); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("DocumentsWhere of a bad filter = %v, want ErrInvalid", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Match(ctx, where.Eq("a", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Match with a canceled context = %v", err)
	}
}

func TestWholeNumbersAreComparedExactly(t *testing.T) {
	s := openNew(t)
	put(t, s,
		withMetadata(doc("even", "x", 1), `{"n":9007199254740992}`),
		withMetadata(doc("odd", "y", 1), `{"n":9007199254740993}`))
	for filter, want := range map[string][]uint64{
		`{"eq":{"n":9007199254740993}}`:   {2},
		`{"lt":{"n":9007199254740993}}`:   {1},
		`{"eq":{"n":9007199254740992.0}}`: {1},
	} {
		f, err := where.Parse([]byte(filter))
		if err != nil {
			t.Fatal(err)
		}
		if m, err := s.Match(t.Context(), f); err != nil || !slices.Equal(m.Labels(), want) {
			t.Errorf("Match(%s) = %v, %v, want %v", filter, m.Labels(), err, want)
		}
	}
}
