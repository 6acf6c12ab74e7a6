package main

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/minnow-search/minnow/where"
)

// condition matches FIELD OP VALUE.
var condition = regexp.MustCompile(`^\s*(.+?)\s*(!=|<=|>=|=|<|>|\^)\s*(.*?)\s*$`)

const whereUsage = "only documents whose metadata fulfils this: FIELD=VALUE, also with != < <= > >= and ^ (begins with), FIELD alone (has it), or a filter in JSON; may be repeated, all must hold"

// parseWhere reads the conditions of a command line, all of which must hold.
func parseWhere(conditions []string) (where.Filter, error) {
	filters := make([]where.Filter, 0, len(conditions))
	for _, text := range conditions {
		f, err := parseCondition(text)
		if err == nil {
			err = f.Err()
		}
		if err != nil {
			return where.Filter{}, faultf(errUsage, "--where %s: %w", text, err)
		}
		filters = append(filters, f)
	}
	switch len(filters) {
	case 0:
		return where.Filter{}, nil
	case 1:
		return filters[0], nil
	default:
		return where.And(filters...), nil
	}
}

func parseCondition(text string) (where.Filter, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return where.Parse([]byte(text))
	}
	m := condition.FindStringSubmatch(text)
	if m == nil {
		return where.Exists(strings.TrimSpace(text)), nil
	}
	field, value := m[1], scalar(m[3])
	switch m[2] {
	case "=":
		return where.Eq(field, value), nil
	case "!=":
		return where.Ne(field, value), nil
	case "<":
		return where.Lt(field, value), nil
	case "<=":
		return where.Le(field, value), nil
	case ">":
		return where.Gt(field, value), nil
	case ">=":
		return where.Ge(field, value), nil
	default:
		return where.Prefix(field, strings.Trim(m[3], `"`)), nil
	}
}

// scalar is a value as JSON writes it, or else a string: 2020 is a number, and
// "2020" in quotes the string.
func scalar(text string) any {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if !json.Valid([]byte(text)) || dec.Decode(&v) != nil {
		return text
	}
	switch v.(type) {
	case map[string]any, []any:
		return text
	default:
		return v
	}
}
