package source

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// jsonLines reads an object a line. A line that is none spoils no other.
type jsonLines struct{ lineReader }

func (j *jsonLines) next() (record, error) {
	text, err := j.nextLine()
	if err != nil {
		return record{}, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var values map[string]any
	err = dec.Decode(&values)
	if err == nil {
		if _, err = dec.Token(); err == io.EOF {
			err = nil
		} else if err == nil {
			err = errors.New("there is more after the object")
		}
	}
	if err != nil || values == nil {
		return record{}, &BadRow{j.file, j.line, "not a JSON object: " + jsonFault(err)}
	}
	return record{line: j.line, values: values}, nil
}

// jsonArray reads an array of objects, one at a time. After a fault of syntax
// there is no telling where the next object begins.
type jsonArray struct {
	file string
	r    *bufio.Reader
	dec  *json.Decoder
	row  int
}

func (j *jsonArray) next() (record, error) {
	if j.dec == nil {
		if bom, err := j.r.Peek(3); err == nil && bytes.Equal(bom, []byte("\ufeff")) {
			j.r.Discard(3)
		}
		j.dec = json.NewDecoder(j.r)
		j.dec.UseNumber()
		if t, err := j.dec.Token(); err == io.EOF {
			return record{}, io.EOF
		} else if err != nil || t != json.Delim('[') {
			return record{}, fmt.Errorf("%s: not an array of JSON objects; for an object a line there is the format jsonl", j.file)
		}
	}
	if !j.dec.More() {
		if _, err := j.dec.Token(); err != nil {
			return record{}, fmt.Errorf("%s: the array is cut short after object %d: %s", j.file, j.row, jsonFault(err))
		}
		return record{}, io.EOF
	}
	j.row++
	var values map[string]any
	err := j.dec.Decode(&values)
	if _, mistyped := errors.AsType[*json.UnmarshalTypeError](err); mistyped || err == nil && values == nil {
		return record{}, &BadRow{j.file, j.row, "not a JSON object: " + jsonFault(err)}
	}
	if err != nil {
		return record{}, fmt.Errorf("%s: object %d: %s", j.file, j.row, jsonFault(err))
	}
	return record{line: j.row, values: values}, nil
}

// jsonFault says what is wrong in a user's words.
func jsonFault(err error) string {
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "it is a " + mistyped.Value
	}
	switch {
	case err == nil:
		return "it is null"
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return "it is cut short"
	default:
		return err.Error()
	}
}
