package source

import (
	"bufio"
	"bytes"
	"fmt"
)

// lines reads a text a line, and passes over empty ones.
type lines struct {
	file string
	r    *bufio.Reader
	line int
}

func (l *lines) next() (record, error) {
	for {
		text, tooLong, err := readLine(l.r)
		if err != nil {
			return record{}, err
		}
		l.line++
		if l.line == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if tooLong {
			return record{}, &BadRow{l.file, l.line, fmt.Sprintf("the line is longer than %d MiB", maxLine>>20)}
		}
		if len(bytes.TrimSpace(text)) > 0 {
			return record{line: l.line, values: map[string]any{"text": string(text)}}, nil
		}
	}
}
