// Embed writes one embedding of each line of a text file, as float32 rows in NumPy's .npy format.
//
//	embed MODEL TEXTS OUTPUT.npy
//
// It writes OUTPUT.npy.partial as it goes and renames it at the end; started again, it goes on where it was stopped.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/minnow-search/minnow/onnx"
)

// headerBytes is the length of the header, padding included: the format wants a multiple of 64.
const headerBytes = 128

// chunk is how many texts are embedded between two writes.
const chunk = 2048

func main() {
	log.SetFlags(0)
	log.SetPrefix("embed: ")
	if len(os.Args) != 4 {
		log.Fatal("usage: embed MODEL TEXTS OUTPUT.npy")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, model, textFile, output string) error {
	content, err := os.ReadFile(textFile)
	if err != nil {
		return err
	}
	texts := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	m, err := onnx.Open(model, nil)
	if err != nil {
		return err
	}
	defer m.Close()

	f, err := os.OpenFile(output+".partial", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(header(len(texts), m.Dim()), 0); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	rowBytes := int64(m.Dim()) * 4
	done := int((info.Size() - headerBytes) / rowBytes)
	for done < len(texts) {
		rows, err := m.Embed(ctx, texts[done:min(done+chunk, len(texts))])
		if err != nil {
			return err
		}
		raw := make([]byte, 0, len(rows)*int(rowBytes))
		for _, row := range rows {
			if raw, err = binary.Append(raw, binary.LittleEndian, row); err != nil {
				return err
			}
		}
		if _, err := f.WriteAt(raw, headerBytes+int64(done)*rowBytes); err != nil {
			return err
		}
		done += len(rows)
		fmt.Printf("embedded %d of %d texts\n", done, len(texts))
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), output)
}

func header(rows, dim int) []byte {
	const magic = "\x93NUMPY\x01\x00"
	h := binary.LittleEndian.AppendUint16([]byte(magic), headerBytes-uint16(len(magic))-2)
	h = fmt.Appendf(h, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	for len(h) < headerBytes-1 {
		h = append(h, ' ')
	}
	return append(h, '\n')
}
