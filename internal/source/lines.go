package source

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// lines reads a text a line.
type lines struct{ lineReader }

func (l *lines) next() (record, error) {
	text, err := l.nextLine()
	if err != nil {
		return record{}, err
	}
	return record{line: l.line, values: map[string]any{"text": string(text)}}, nil
}

// maxLine is how long a line, and so a text, may be.
const maxLine = 64 << 20

// lineReader reads lines and counts them.
type lineReader struct {
	file string
	r    *bufio.Reader
	line int // the latest one's number, from 1
}

// nextLine returns the next line that isn't blank, without its end. One that is
// too long is a *BadRow.
func (l *lineReader) nextLine() ([]byte, error) {
	for {
		text, tooLong, err := readLine(l.r)
		if err != nil {
			return nil, err
		}
		if l.line++; l.line == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if tooLong {
			return nil, &BadRow{l.file, l.line, fmt.Sprintf("the line is longer than %d MiB", maxLine>>20)}
		}
		if len(bytes.TrimSpace(text)) > 0 {
			return text, nil
		}
	}
}

// readLine returns the next line without its end. What is longer than maxLine
// is passed over, and too long.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > maxLine; !tooLong {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
		case err == io.EOF && (len(line) > 0 || tooLong):
			return bytes.TrimRight(line, "\r\n"), tooLong, nil
		case err != nil:
			return nil, false, err
		default:
			return bytes.TrimRight(line, "\r\n"), tooLong, nil
		}
	}
}
