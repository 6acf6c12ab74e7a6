package worker

import (
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"syscall"
	"unsafe"
)

var shape = regexp.MustCompile(`'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\)`)

// MapArray maps a .npy file of float32 rows into memory for good. Being of a file, its pages do not count as the
// engine's memory.
func MapArray(path string) (rows []float32, dim int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	raw, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, 0, fmt.Errorf("map %s: %w", path, err)
	}
	const preamble = 10
	body := preamble + int(binary.LittleEndian.Uint16(raw[8:preamble]))
	match := shape.FindSubmatch(raw[:body])
	if match == nil {
		return nil, 0, fmt.Errorf("%s: not an array of float32 rows: %q", path, raw[:body])
	}
	n, _ := strconv.Atoi(string(match[1]))
	dim, _ = strconv.Atoi(string(match[2]))
	if len(raw)-body != n*dim*4 {
		return nil, 0, fmt.Errorf("%s: %d bytes for %d rows of %d", path, len(raw)-body, n, dim)
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&raw[body])), n*dim), dim, nil
}
