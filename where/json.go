package where

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// maxDepth bounds how deep filters may be nested in JSON, which may come from
// strangers.
const maxDepth = 100

// Parse reads a filter in JSON; see the package comment. An error is
// [ErrInvalid].
func Parse(data []byte) (Filter, error) {
	f, err := parse(data, 0)
	if err != nil {
		return Filter{}, err
	}
	return f, f.err
}

// UnmarshalJSON is Parse. Null leaves f alone.
func (f *Filter) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	parsed, err := Parse(data)
	if err == nil {
		*f = parsed
	}
	return err
}

func parse(data []byte, depth int) (Filter, error) {
	if depth > maxDepth {
		return Filter{}, fmt.Errorf("%w: nested deeper than %d", ErrInvalid, maxDepth)
	}
	key, raw, err := single(data, "a filter", "an operator and its operand")
	if err != nil {
		return Filter{}, err
	}
	op := Op(key)
	switch op {
	case OpAnd, OpOr:
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil || list == nil {
			return Filter{}, fmt.Errorf("%w: %q needs a list of filters, not %s", ErrInvalid, op, brief(raw))
		}
		parts := make([]Filter, len(list))
		for i, part := range list {
			if parts[i], err = parse(part, depth+1); err != nil {
				return Filter{}, err
			}
		}
		return join(op, parts), nil
	case OpNot:
		part, err := parse(raw, depth+1)
		return Not(part), err
	case OpExists:
		var field string
		if err := json.Unmarshal(raw, &field); err != nil {
			return Filter{}, fmt.Errorf("%w: %q needs the name of a field, not %s", ErrInvalid, op, brief(raw))
		}
		return Exists(field), nil
	case OpEq, OpNe, OpLt, OpLe, OpGt, OpGe, OpIn, OpPrefix:
		return parseLeaf(op, raw)
	}
	return Filter{}, fmt.Errorf("%w: no operator %q; there are eq, ne, lt, le, gt, ge, in, exists, prefix, and, or, not", ErrInvalid, op)
}

func parseLeaf(op Op, data []byte) (Filter, error) {
	field, raw, err := single(data, fmt.Sprintf("%q", op), "a field and a value")
	if err != nil {
		return Filter{}, err
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return Filter{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	switch op {
	case OpIn:
		list, ok := v.([]any)
		if !ok {
			return Filter{}, fmt.Errorf("%w: %q of %q needs a list of values, not %s", ErrInvalid, op, field, brief(raw))
		}
		return In(field, list...), nil
	case OpPrefix:
		prefix, ok := v.(string)
		if !ok {
			return Filter{}, fmt.Errorf("%w: %q of %q needs a string, not %s", ErrInvalid, op, field, brief(raw))
		}
		return Prefix(field, prefix), nil
	}
	return compare(op, field, v), nil
}

// single reads an object that has exactly one entry. A second one is most
// likely meant to be joined, but by and or by or?
func single(data []byte, what, want string) (key string, value json.RawMessage, err error) {
	bad := func() (string, json.RawMessage, error) {
		return "", nil, fmt.Errorf("%w: %s must be an object of one entry, %s, not %s", ErrInvalid, what, want, brief(data))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return bad()
	}
	t, err := dec.Token()
	key, ok := t.(string)
	if err != nil || !ok {
		return bad()
	}
	if err := dec.Decode(&value); err != nil {
		return bad()
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('}') {
		return bad()
	}
	if _, err := dec.Token(); err != io.EOF {
		return bad()
	}
	return key, value, nil
}

func brief(data []byte) string {
	const limit = 80
	if len(data) > limit {
		return fmt.Sprintf("%q...", data[:limit])
	}
	return fmt.Sprintf("%q", data)
}

// MarshalJSON writes what [Parse] reads. The zero Filter is null.
func (f Filter) MarshalJSON() ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.append(nil), nil
}

func (f Filter) append(b []byte) []byte {
	if f.op == "" {
		return append(b, "null"...)
	}
	b = append(append(append(b, `{"`...), f.op...), `":`...)
	switch f.op {
	case OpAnd, OpOr:
		b = append(b, '[')
		for i, part := range f.parts {
			if i > 0 {
				b = append(b, ',')
			}
			b = part.append(b)
		}
		b = append(b, ']')
	case OpNot:
		b = f.parts[0].append(b)
	case OpExists:
		b = appendString(b, f.field)
	default:
		b = append(appendString(append(b, '{'), f.field), ':')
		if f.op == OpIn {
			b = append(b, '[')
			for i, v := range f.values {
				if i > 0 {
					b = append(b, ',')
				}
				b = v.append(b)
			}
			b = append(b, "]}"...)
		} else {
			b = append(f.values[0].append(b), '}')
		}
	}
	return append(b, '}')
}

func (v Value) append(b []byte) []byte {
	switch v.Kind {
	case Bool:
		return strconv.AppendBool(b, v.Value == int64(1))
	case Number:
		if x, ok := v.Value.(float64); ok {
			if math.IsInf(x, 0) { // what JSON can say that is as far out
				return append(b, map[bool]string{true: "1e999", false: "-1e999"}[x > 0]...)
			}
			return strconv.AppendFloat(b, x, 'g', -1, 64)
		}
		return strconv.AppendInt(b, v.Value.(int64), 10)
	case String:
		return appendString(b, v.Value.(string))
	}
	return append(b, "null"...)
}

func appendString(b []byte, s string) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("where: a string is no JSON: " + err.Error())
	}
	return slices.Concat(b, bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}))
}
