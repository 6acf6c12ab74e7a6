package source

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
)

// NumPy's file format, version 1 to 3 (NEP 1): a magic string, the version, the
// header's length, the header, which is a Python dictionary, and the numbers.
const npyMagic = "\x93NUMPY"

// vectors reads a matrix row by row, with a label for each.
type vectors struct {
	file   string
	r      *bufio.Reader
	labels records
	rows   int
	dim    int
	width  int // bytes of a number
	row    int
}

func (s *Source) openVectors(o Options) error {
	v := &vectors{file: s.path, r: s.file.buffered}
	if err := v.readHeader(); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	s.records, s.dim = v, v.dim
	if o.Labels == "" {
		s.columns = &columns{id: "row"}
		s.said = fmt.Sprintf("%d vectors of %d numbers, no texts; IDs are row numbers from 0 (--labels names a file with IDs, texts and metadata)", v.rows, v.dim)
		return nil
	}
	labels, err := Open(o.Labels, Options{ID: o.ID, Text: o.Text, Meta: o.Meta, Stdin: o.Stdin, textless: true})
	if err != nil {
		return err
	}
	s.labels, v.labels = labels, labels.records
	if labels.records == nil || labels.dim > 0 {
		return fmt.Errorf("%w: %s has no labels", ErrUsage, o.Labels)
	}
	s.columns = labels.columns
	if labels.format == Lines { // a line is an ID there, not a text
		s.columns = &columns{id: "text"}
		labels.said = "an ID a line"
	}
	s.said = fmt.Sprintf("%d vectors of %d numbers, whose documents are in %s", v.rows, v.dim, labels)
	return nil
}

var npyHeader = regexp.MustCompile(`^\{\s*'descr':\s*'([<|=>]?f[248])',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\((\d+),\s*(\d+)\),?\s*\}\s*$`)

func (v *vectors) readHeader() error {
	start := make([]byte, 8)
	if _, err := io.ReadFull(v.r, start); err != nil || string(start[:6]) != npyMagic {
		return errors.New("this is no .npy file")
	}
	length := make([]byte, 4)
	if start[6] == 1 {
		length = length[:2]
	}
	if _, err := io.ReadFull(v.r, length); err != nil {
		return errors.New("it ends within its header")
	}
	n := uint64(binary.LittleEndian.Uint16(length))
	if len(length) == 4 {
		n = uint64(binary.LittleEndian.Uint32(length))
	}
	if n > 1<<20 {
		return fmt.Errorf("its header of %d bytes is too long to be one", n)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(v.r, header); err != nil {
		return errors.New("it ends within its header")
	}
	m := npyHeader.FindSubmatch(header)
	if m == nil || m[1][0] == '>' || string(m[2]) == "True" || string(m[1]) == "<f2" {
		return fmt.Errorf("it is no matrix of float32 or float64 in C order, but %s; in Python: numpy.save(path, numpy.ascontiguousarray(x, dtype='<f4'))", header)
	}
	var errRows, errDim error
	v.rows, errRows = strconv.Atoi(string(m[3]))
	v.dim, errDim = strconv.Atoi(string(m[4]))
	if errRows != nil || errDim != nil || v.dim < 1 || v.dim > 1<<20 {
		return fmt.Errorf("its shape (%s, %s) is none of vectors", m[3], m[4])
	}
	v.width = int(m[1][len(m[1])-1] - '0')
	return nil
}

func (v *vectors) next() (record, error) {
	if v.row == v.rows {
		return record{}, v.end()
	}
	raw := make([]byte, v.dim*v.width)
	if _, err := io.ReadFull(v.r, raw); err != nil {
		return record{}, fmt.Errorf("%s: it is cut short after %d of %d vectors", v.file, v.row, v.rows)
	}
	vector := make([]float32, v.dim)
	for i := range vector {
		if v.width == 4 {
			vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		} else {
			vector[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
		}
	}
	v.row++
	rec := record{line: v.row, values: map[string]any{"row": v.row - 1}}
	if v.labels != nil {
		label, err := v.labels.next()
		if err == io.EOF {
			return record{}, fmt.Errorf("%s: %d vectors, and labels for %d only", v.file, v.rows, v.row-1)
		}
		if err != nil {
			return record{}, err
		}
		rec = label
	}
	rec.vector = vector
	for i, x := range vector {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return record{}, &BadRow{v.file, v.row, fmt.Sprintf("number %d of its vector is %v", i, x)}
		}
	}
	return rec, nil
}

// end makes sure that labels and vectors end together.
func (v *vectors) end() error {
	if v.labels != nil {
		if _, err := v.labels.next(); err != io.EOF {
			return fmt.Errorf("%s: %d vectors, and more labels than that", v.file, v.rows)
		}
	}
	return io.EOF
}

// WriteNPYHeader begins a .npy file of rows vectors, whose numbers follow as
// little-endian float32.
func WriteNPYHeader(w io.Writer, rows, dim int) error {
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	start := []byte(npyMagic + "\x01\x00\x00\x00")
	// Spaces and a newline follow, so that the numbers begin at a multiple of 64.
	length := (len(start)+len(header)+64)/64*64 - len(start)
	binary.LittleEndian.PutUint16(start[len(start)-2:], uint16(length))
	_, err := fmt.Fprintf(w, "%s%-*s\n", start, length-1, header)
	return err
}
