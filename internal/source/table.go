package source

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// table reads CSV and TSV with a header.
type table struct {
	file   string
	header []string
	fields func() ([]string, int, error)
}

func openTable(path string, format Format, in *input) (*table, error) {
	if bytes.HasPrefix(in.head(), []byte("\ufeff")) {
		in.buffered.Discard(len("\ufeff"))
	}
	t := &table{file: path}
	if format == TSV {
		t.fields = tabbed(path, in)
	} else {
		r := csv.NewReader(in.buffered)
		r.Comma = separator(in.head())
		r.FieldsPerRecord = -1 // next says what is wrong in its own words
		t.fields = func() ([]string, int, error) {
			fields, err := r.Read()
			if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
				return nil, wrong.Line, wrong.Err
			}
			if err != nil {
				return nil, 0, err
			}
			line, _ := r.FieldPos(0)
			return fields, line, nil
		}
	}
	header, _, err := t.fields()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: it is empty, and should begin with a header", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the header: %w", path, err)
	}
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		if slices.Index(header, header[i]) < i {
			return nil, fmt.Errorf("%s: the header has two columns %q", path, header[i])
		}
	}
	t.header = header
	return t, nil
}

// tabbed reads lines of fields between tabs. There are no quotes in TSV as IANA
// registers it.
func tabbed(path string, in *input) func() ([]string, int, error) {
	l := &lineReader{file: path, r: in.buffered}
	return func() ([]string, int, error) {
		line, err := l.nextLine()
		if bad, ok := errors.AsType[*BadRow](err); ok {
			return nil, l.line, errors.New(bad.Reason)
		}
		if err != nil {
			return nil, 0, err
		}
		return strings.Split(string(line), "\t"), l.line, nil
	}
}

// separator is the one that the first line has most of.
func separator(head []byte) rune {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	best, most := ',', 0
	for _, sep := range ",;\t|" {
		if n := bytes.Count(line, []byte(string(sep))); n > most {
			best, most = sep, n
		}
	}
	return best
}

func (t *table) next() (record, error) {
	fields, line, err := t.fields()
	if err == io.EOF {
		return record{}, err
	}
	if err != nil && line > 0 {
		return record{}, &BadRow{t.file, line, err.Error()}
	}
	if err != nil {
		return record{}, fmt.Errorf("%s: %w", t.file, err)
	}
	if len(fields) != len(t.header) {
		return record{}, &BadRow{t.file, line, fmt.Sprintf("it has %d fields, and the header %d", len(fields), len(t.header))}
	}
	values := make(map[string]any, len(fields))
	for i, name := range t.header {
		values[name] = fields[i]
	}
	return record{line: line, values: values}, nil
}

// typed is what a field of a table means as metadata: a number or a bool if it
// is written as JSON writes one (so 007 stays a string), else a string.
func typed(field string) any {
	switch {
	case field == "true":
		return true
	case field == "false":
		return false
	case field != "" && strings.ContainsRune("-0123456789", rune(field[0])) && json.Valid([]byte(field)):
		return json.Number(field)
	default:
		return field
	}
}
