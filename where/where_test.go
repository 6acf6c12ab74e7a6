package where_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/minnow-search/minnow/where"
)

func Example() {
	f := where.And(
		where.Eq("lang", "en"),
		where.Ge("year", 2020),
		where.Not(where.In("tags", "draft", "secret")))
	fmt.Println(f)
	// Output: {"and":[{"eq":{"lang":"en"}},{"ge":{"year":2020}},{"not":{"in":{"tags":["draft","secret"]}}}]}
}

func ExampleParse() {
	f, err := where.Parse([]byte(`{"or": [{"prefix": {"author.name": "Ada"}}, {"exists": "isbn"}]}`))
	fmt.Println(f, err)
	_, err = where.Parse([]byte(`{"equals": {"lang": "en"}}`))
	fmt.Println(err)
	// Output:
	// {"or":[{"prefix":{"author.name":"Ada"}},{"exists":"isbn"}]} <nil>
	// invalid filter: no operator "equals"; there are eq, ne, lt, le, gt, ge, in, exists, prefix, and, or, not
}

func TestFiltersOfEveryKindComeBackFromJSON(t *testing.T) {
	for _, f := range []where.Filter{
		where.Eq("a", nil), where.Eq("a", true), where.Ne("a", false), where.Eq("a", "ü\"\\\n<&>\x00\u2028"),
		where.Eq("a", 1), where.Eq("a", uint64(math.MaxUint64)), where.Eq("a", int64(math.MinInt64)), where.Eq("a", 0.1),
		where.Eq("a", math.Inf(1)), where.Eq("a", math.Inf(-1)), where.Eq("a", float32(0.5)), where.Eq("a", 1e300),
		where.Eq("a", json.Number("12345678901234567890")), where.Eq("a", json.Number("1e0")),
		where.Lt("a.b", 1), where.Le(`a\.b`, "x"), where.Gt(`\\`, 2), where.Ge(" ", ""),
		where.In("a"), where.In("a", 1, "1", true, nil), where.Exists("a"), where.Prefix("a", ""),
		where.And(), where.Or(), where.Not(where.And(where.Eq("a", 1), where.Or(where.Exists("b"), where.Not(where.Exists("c"))))),
	} {
		if f.Err() != nil || f.IsZero() {
			t.Errorf("%v: Err() = %v, IsZero() = %v", f, f.Err(), f.IsZero())
		}
		got, err := where.Parse([]byte(f.String()))
		if err != nil {
			t.Errorf("Parse(%s) = %v", f, err)
			continue
		}
		if d := cmp.Diff(f, got, cmp.AllowUnexported(where.Filter{}), cmpopts.EquateEmpty(), cmpopts.EquateErrors()); d != "" {
			t.Errorf("Parse(%s): -want +got\n%s", f, d)
		}
	}
}

func TestSpellingsOfOneNumberAreOneValue(t *testing.T) {
	for _, same := range [][]any{
		{1, int8(1), uint16(1), 1.0, json.Number("1"), json.Number("1.0"), json.Number("1e0"), json.Number("10e-1")},
		{0, 0.0, json.Number("-0"), json.Number("0.0"), math.Copysign(0, -1)},
		{0.5, float32(0.5), json.Number("0.50"), json.Number("5e-1")},
		{1 << 60, float64(1 << 60), json.Number("1152921504606846976")},
	} {
		for _, v := range same {
			if got, want := where.Eq("n", v).String(), where.Eq("n", same[0]).String(); got != want {
				t.Errorf("Eq(n, %T %v) = %s, want %s", v, v, got, want)
			}
		}
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for name, f := range map[string]where.Filter{
		"no field":              where.Eq("", 1),
		"a field not UTF-8":     where.Exists("\xff"),
		"a trailing backslash":  where.Exists(`a\`),
		"an unknown escape":     where.Exists(`a\n`),
		"NaN":                   where.Eq("a", math.NaN()),
		"a struct":              where.Eq("a", struct{}{}),
		"a slice":               where.In("a", []string{"x"}),
		"a string not UTF-8":    where.Prefix("a", "\xff"),
		"bad number":            where.Eq("a", json.Number("one")),
		"an order of bools":     where.Lt("a", true),
		"an order of null":      where.Ge("a", nil),
		"deep inside":           where.Not(where.Or(where.Eq("a", 1), where.And(where.Eq("", 1)))),
		"a list with one wrong": where.In("a", 1, math.NaN()),
	} {
		if err := f.Err(); !errors.Is(err, where.ErrInvalid) {
			t.Errorf("%s: Err() = %v, want ErrInvalid", name, err)
		}
		if _, err := json.Marshal(f); err == nil {
			t.Errorf("%s: it can be written as JSON", name)
		}
	}
	for _, text := range []string{
		``, ` `, `null`, `[]`, `{}`, `1`, `"eq"`, `{"eq": 1}`, `{"eq": {}}`, `{"eq": {"a": 1, "b": 2}}`, `{"eq": {"a": [1]}}`,
		`{"eq": {"a": 1}, "ne": {"b": 1}}`, `{"eq": {"a": 1}} x`, `{"eq": {"a": 1}`, `{"EQ": {"a": 1}}`, `{"and": {}}`, `{"and": null}`,
		`{"and": [1]}`, `{"not": []}`, `{"in": {"a": 1}}`, `{"prefix": {"a": 1}}`, `{"exists": {"a": 1}}`, `{"lt": {"a": true}}`,
		`{"eq": {"": 1}}`, strings.Repeat(`{"not":`, 200) + `{"exists":"a"}` + strings.Repeat(`}`, 200),
	} {
		if f, err := where.Parse([]byte(text)); !errors.Is(err, where.ErrInvalid) {
			t.Errorf("Parse(%.60s) = %v, %v, want ErrInvalid", text, f, err)
		}
	}
}

func TestEntriesListEveryValueOnce(t *testing.T) {
	entries, err := where.Entries([]byte(`{"s":"x","n":1.0,"b":true,"z":null,"o":{"k.e\\y":{"":2}},"a":[1,"1",[1,{"in":false}],1],"e":[],"s":"y"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s %d %v", e.Field, e.Value.Kind, e.Value.Value))
	}
	want := []string{
		"s 4 x", "n 3 1", "b 2 1", "z 1 ", "o 0 ", `o.k\.e\\y 0 `, `o.k\.e\\y. 3 2`,
		"a 0 ", "a 3 1", "a 4 1", "a.in 2 0", "e 0 ", "s 4 y",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Entries: -want +got\n%s", d)
	}
	if field := where.Field("o", `k.e\y`); field != `o.k\.e\\y` {
		t.Errorf("Field = %s", field)
	}
	deep := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	if entries, err := where.Entries([]byte(deep)); err != nil || len(entries) > 200 {
		t.Errorf("Entries of a deep object: %d, %v", len(entries), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"and":[{"eq":{"a":1}},{"not":{"in":{"b":["x",null]}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		filter, err := where.Parse(data)
		if err != nil {
			if !errors.Is(err, where.ErrInvalid) {
				t.Fatalf("Parse(%q) = %v, not ErrInvalid", data, err)
			}
			return
		}
		again, err := where.Parse([]byte(filter.String()))
		if err != nil || again.String() != filter.String() {
			t.Fatalf("%s comes back as %s, %v", filter, again, err)
		}
	})
}
