package onnx

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Numbers of the types of tensors (onnx.proto, TensorProto.DataType).
const (
	float32Type = 1
	uint8Type   = 2
	int8Type    = 3
	int32Type   = 6
	int64Type   = 7
)

// graphInfo is what a .onnx file says of its network.
type graphInfo struct {
	inputs, outputs []tensorInfo
	metadata        map[string]string
	weights         map[string]weight
}

// weight is where a tensor of numbers is in the file.
type weight struct {
	kind     int
	at, size int64
}

type tensorInfo struct {
	name string
	kind int
	dims []int64 // -1 where it differs from run to run
}

// readGraph reads a .onnx file's inputs, outputs and metadata, and where its weights are. ONNX Runtime tells them only of a
// whole session, which the Go binding then throws away: 115 ms, where this takes 1.
//
// A .onnx file is a message of protocol buffers; the numbers of fields are those of onnx.proto.
func readGraph(path string) (*graphInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	g := &graphInfo{metadata: make(map[string]string), weights: make(map[string]weight)}
	r := &messageReader{file: file, buf: bufio.NewReader(file), size: info.Size()}
	err = r.fields(r.size, func(number int, end int64) error {
		switch number {
		case 7: // ModelProto.graph
			return r.fields(end, func(number int, end int64) error {
				switch number {
				case 5: // GraphProto.initializer
					return r.weight(end, g.weights)
				case 11: // GraphProto.input
					return r.tensor(end, &g.inputs)
				case 12: // GraphProto.output
					return r.tensor(end, &g.outputs)
				}
				return nil
			})
		case 14: // ModelProto.metadata_props
			return r.property(end, g.metadata)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(g.outputs) == 0 {
		return nil, errors.New("it has no outputs")
	}
	return g, nil
}

// messageReader reads the fields of nested messages in the order of the file.
type messageReader struct {
	file *os.File
	buf  *bufio.Reader
	at   int64
	size int64
}

var errDamaged = errors.New("it is no protocol buffer, or ends too early")

// fields calls f for each field up to end, and then skips what f has not read of it. Of a field that is one number, f
// gets the number instead of an end.
func (r *messageReader) fields(end int64, f func(number int, end int64) error) error {
	for r.at < end {
		tag, err := r.varint()
		if err != nil {
			return err
		}
		number, next := int(tag>>3), r.at
		switch tag & 7 {
		case 0:
			value, err := r.varint()
			if err != nil {
				return err
			}
			if err := f(number, int64(value)); err != nil {
				return err
			}
			continue
		case 1:
			next += 8
		case 2:
			length, err := r.varint()
			if err != nil || length > math.MaxInt64/2 {
				return errDamaged
			}
			next = r.at + int64(length)
			if next > end {
				return errDamaged
			}
			if err := f(number, next); err != nil {
				return err
			}
		case 5:
			next += 4
		default:
			return errDamaged
		}
		if next > end || r.at > next {
			return errDamaged
		}
		if err := r.skip(next - r.at); err != nil {
			return err
		}
	}
	return nil
}

func (r *messageReader) varint() (uint64, error) {
	v, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, errDamaged
	}
	return v, nil
}

func (r *messageReader) ReadByte() (byte, error) {
	b, err := r.buf.ReadByte()
	if err == nil {
		r.at++
	}
	return b, err
}

func (r *messageReader) skip(n int64) error {
	r.at += n
	if n <= int64(r.buf.Buffered()) {
		_, err := r.buf.Discard(int(n))
		return err
	}
	_, err := r.file.Seek(r.at, io.SeekStart)
	r.buf.Reset(r.file)
	return err
}

// text reads a field that is a string.
func (r *messageReader) text(end int64) (string, error) {
	if end-r.at > 1<<20 {
		return "", fmt.Errorf("it has a name of %d bytes", end-r.at)
	}
	data := make([]byte, end-r.at)
	if _, err := io.ReadFull(r.buf, data); err != nil {
		return "", errDamaged
	}
	r.at = end
	return string(data), nil
}

// property reads a StringStringEntryProto.
func (r *messageReader) property(end int64, into map[string]string) error {
	var pair [3]string
	err := r.fields(end, func(number int, end int64) (err error) {
		if number == 1 || number == 2 {
			pair[number], err = r.text(end)
		}
		return err
	})
	into[pair[1]] = pair[2]
	return err
}

// weight reads where a TensorProto's numbers are, if they are there as bytes.
func (r *messageReader) weight(end int64, into map[string]weight) error {
	var name string
	var w weight
	err := r.fields(end, func(number int, end int64) (err error) {
		switch number {
		case 2: // data_type
			w.kind = int(end)
		case 8: // name
			name, err = r.text(end)
		case 9: // raw_data
			w.at, w.size = r.at, end-r.at
		}
		return err
	})
	into[name] = w
	return err
}

// tensor reads a ValueInfoProto.
func (r *messageReader) tensor(end int64, into *[]tensorInfo) error {
	var t tensorInfo
	err := r.fields(end, func(number int, end int64) (err error) {
		switch number {
		case 1: // name
			t.name, err = r.text(end)
		case 2: // type
			err = r.fields(end, func(number int, end int64) error {
				if number != 1 { // TypeProto.tensor_type
					return nil
				}
				return r.fields(end, func(number int, end int64) error {
					switch number {
					case 1: // elem_type
						t.kind = int(end)
					case 2: // shape
						return r.fields(end, func(number int, end int64) error {
							return r.dimension(end, &t)
						})
					}
					return nil
				})
			})
		}
		return err
	})
	*into = append(*into, t)
	return err
}

// dimension reads a TensorShapeProto.Dimension.
func (r *messageReader) dimension(end int64, t *tensorInfo) error {
	size := int64(-1)
	err := r.fields(end, func(number int, value int64) error {
		if number == 1 { // dim_value
			size = value
		}
		return nil
	})
	t.dims = append(t.dims, size)
	return err
}
