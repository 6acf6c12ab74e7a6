package where

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrInvalid means that a filter makes no sense; the text says why.
var ErrInvalid = errors.New("invalid filter")

// Op is what a filter does.
type Op string

// The operators.
const (
	OpEq     Op = "eq"
	OpNe     Op = "ne"
	OpLt     Op = "lt"
	OpLe     Op = "le"
	OpGt     Op = "gt"
	OpGe     Op = "ge"
	OpIn     Op = "in"
	OpExists Op = "exists"
	OpPrefix Op = "prefix"
	OpAnd    Op = "and"
	OpOr     Op = "or"
	OpNot    Op = "not"
)

// Filter is a condition on metadata. The zero Filter lets everything in. A
// filter never changes, and may be shared. One that was made of something
// unusable, such as a NaN, is an error where it is used; see [Filter.Err].
type Filter struct {
	op     Op
	field  string
	values []Value
	parts  []Filter
	err    error
}

// Eq holds where a value of the field equals v: a string, a bool, nil, or a
// number of any of Go's types, or a json.Number.
func Eq(field string, v any) Filter { return compare(OpEq, field, v) }

// Ne is Not(Eq(field, v)).
func Ne(field string, v any) Filter { return compare(OpNe, field, v) }

// Lt holds where a value of the field is less than v, a number or a string.
func Lt(field string, v any) Filter { return compare(OpLt, field, v) }

// Le holds where a value of the field is v or less.
func Le(field string, v any) Filter { return compare(OpLe, field, v) }

// Gt holds where a value of the field is greater than v.
func Gt(field string, v any) Filter { return compare(OpGt, field, v) }

// Ge holds where a value of the field is v or greater.
func Ge(field string, v any) Filter { return compare(OpGe, field, v) }

// In holds where a value of the field equals one of those given. Of none, it
// holds nowhere.
func In(field string, values ...any) Filter {
	return leaf(OpIn, field, values...)
}

// Exists holds where the metadata has the field, whatever its value: null, an
// object and an empty array count.
func Exists(field string) Filter { return leaf(OpExists, field) }

// Prefix holds where a value of the field is a string that begins so.
func Prefix(field, prefix string) Filter { return leaf(OpPrefix, field, prefix) }

// And holds where all filters hold; of none, everywhere.
func And(filters ...Filter) Filter { return join(OpAnd, filters) }

// Or holds where one of the filters holds; of none, nowhere.
func Or(filters ...Filter) Filter { return join(OpOr, filters) }

// Not holds where f doesn't.
func Not(f Filter) Filter { return join(OpNot, []Filter{f}) }

// Field names a field by the keys that lead to it, whatever their characters.
func Field(keys ...string) string {
	escaped := make([]string, len(keys))
	for i, k := range keys {
		escaped[i] = escape.Replace(k)
	}
	return strings.Join(escaped, ".")
}

var escape = strings.NewReplacer(`\`, `\\`, `.`, `\.`)

// IsZero reports whether f is the zero Filter.
func (f Filter) IsZero() bool { return f.op == "" && f.err == nil }

// Err returns, as [ErrInvalid], what keeps f from being used.
func (f Filter) Err() error { return f.err }

// Op is what the filter does; "" for the zero Filter.
func (f Filter) Op() Op { return f.op }

// Field is the field of a condition.
func (f Filter) Field() string { return f.field }

// Values are what a condition compares with. The slice is only to be read.
func (f Filter) Values() []Value { return f.values }

// Parts are the filters that And, Or and Not join. The slice is only to be
// read.
func (f Filter) Parts() []Filter { return f.parts }

// String is the filter in JSON. Equal texts are equal filters.
func (f Filter) String() string {
	if f.err != nil {
		return f.err.Error()
	}
	b, err := f.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func compare(op Op, field string, v any) Filter {
	f := leaf(op, field, v)
	ordered := op != OpEq && op != OpNe
	if f.err == nil && ordered && f.values[0].Kind != Number && f.values[0].Kind != String {
		f.err = fmt.Errorf("%w: %s of %q needs a number or a string, not %v", ErrInvalid, op, field, v)
	}
	return f
}

func leaf(op Op, field string, values ...any) Filter {
	f := Filter{op: op, field: field, values: make([]Value, len(values))}
	f.err = checkField(field)
	for i, v := range values {
		value, err := valueOf(v)
		if err != nil && f.err == nil {
			f.err = fmt.Errorf("%w: %s of %q: %w", ErrInvalid, op, field, err)
		}
		f.values[i] = value
	}
	return f
}

func join(op Op, filters []Filter) Filter {
	f := Filter{op: op, parts: slices.Clone(filters)}
	for _, part := range filters {
		if part.err != nil {
			f.err = part.err
			break
		}
	}
	return f
}

func checkField(field string) error {
	if field == "" || !utf8.ValidString(field) {
		return fmt.Errorf("%w: the field name %q is empty or not valid UTF-8", ErrInvalid, field)
	}
	for i := 0; i < len(field); i++ {
		if field[i] != '\\' {
			continue
		}
		if i++; i == len(field) || field[i] != '\\' && field[i] != '.' {
			return fmt.Errorf(`%w: in the field name %q, a backslash must be followed by a dot or a backslash`, ErrInvalid, field)
		}
	}
	return nil
}

// Kind is the type of a value.
type Kind int

// The kinds. Their numbers are part of the file format.
const (
	Container Kind = iota // an object or an array: it exists, and equals nothing
	Null
	Bool
	Number
	String
)

// Value is a scalar of metadata. Its zero values beside Kind mean null or
// container.
type Value struct {
	Kind Kind
	// Of a Bool 0 or 1, of a Number int64 or float64, of a String its text; else "".
	Value any
}

// valueOf makes a Value of what the caller gave.
func valueOf(v any) (Value, error) {
	switch v := v.(type) {
	case nil:
		return Value{Null, ""}, nil
	case json.Number:
		return NumberOf(v)
	}
	switch r := reflect.ValueOf(v); {
	case r.Kind() == reflect.String:
		if !utf8.ValidString(r.String()) {
			return Value{}, fmt.Errorf("%q is not valid UTF-8", r.String())
		}
		return Value{String, r.String()}, nil
	case r.Kind() == reflect.Bool:
		return BoolOf(r.Bool()), nil
	case r.CanInt():
		return Value{Number, r.Int()}, nil
	case r.CanUint():
		if n := r.Uint(); n > math.MaxInt64 {
			return Value{Number, float64(n)}, nil
		}
		return Value{Number, int64(r.Uint())}, nil
	case r.CanFloat():
		return number(r.Float())
	}
	return Value{}, fmt.Errorf("%T is no string, number, bool or nil", v)
}

// BoolOf is the value of a bool.
func BoolOf(b bool) Value {
	if b {
		return Value{Bool, int64(1)}
	}
	return Value{Bool, int64(0)}
}

// NumberOf is the value of a number of JSON: an int64 where it is one, whatever
// its spelling, and else the nearest float64.
func NumberOf(n json.Number) (Value, error) {
	if i, err := n.Int64(); err == nil {
		return Value{Number, i}, nil
	}
	x, err := n.Float64()
	if err != nil && !math.IsInf(x, 0) { // beyond float64 is infinite, and still a number
		return Value{}, fmt.Errorf("%q is not a number", n)
	}
	if math.IsInf(x, 0) {
		return Value{Number, x}, nil
	}
	return number(x)
}

func number(x float64) (Value, error) {
	switch {
	case math.IsNaN(x):
		return Value{}, errors.New("NaN compares with nothing")
	case x == math.Trunc(x) && x >= -1<<63 && x < 1<<63:
		return Value{Number, int64(x)}, nil
	}
	return Value{Number, x}, nil
}
