package source

import (
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetRows reads a Parquet file, one row group after the other.
type parquetRows struct {
	file   string
	names  []string
	when   map[string]func(int64) string // columns that hold times
	schema *parquet.Schema
	groups []parquet.RowGroup
	rows   parquet.Rows
	buffer []parquet.Row
	filled []parquet.Row // of buffer, what is still to be given
	row    int
}

func openParquet(path string, in *input) (*parquetRows, error) {
	data, size, err := in.random()
	if err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(data, size)
	if err != nil {
		return nil, fmt.Errorf("%s: no Parquet file, or a damaged one: %w", path, err)
	}
	in.size = 0 // its reader jumps about, so bytes tell nothing
	p := &parquetRows{
		file: path, schema: f.Schema(), groups: f.RowGroups(), buffer: make([]parquet.Row, 64), when: map[string]func(int64) string{},
	}
	for _, field := range f.Schema().Fields() {
		p.names = append(p.names, field.Name())
		if !field.Leaf() || field.Type().LogicalType() == nil {
			continue
		}
		switch logical := field.Type().LogicalType().Value.(type) {
		case *format.DateType:
			p.when[field.Name()] = func(days int64) string { return time.Unix(days*86400, 0).UTC().Format(time.DateOnly) }
		case *format.TimestampType:
			p.when[field.Name()] = timestamp(logical.Unit)
		}
	}
	return p, nil
}

func timestamp(unit format.TimeUnit) func(int64) string {
	return func(n int64) string {
		t := time.Unix(0, n)
		switch unit.Value.(type) {
		case *format.MilliSeconds:
			t = time.UnixMilli(n)
		case *format.MicroSeconds:
			t = time.UnixMicro(n)
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
}

func (p *parquetRows) next() (record, error) {
	if err := p.fill(); err != nil {
		return record{}, err
	}
	p.row++
	values := map[string]any{}
	err := p.schema.Reconstruct(&values, p.filled[0])
	p.filled = p.filled[1:]
	if err != nil {
		return record{}, &BadRow{p.file, p.row, err.Error()}
	}
	for name, format := range p.when {
		switch n := values[name].(type) {
		case int64:
			values[name] = format(n)
		case int32:
			values[name] = format(int64(n))
		}
	}
	return record{line: p.row, values: values}, nil
}

// fill makes sure that there is a row to give.
func (p *parquetRows) fill() error {
	for len(p.filled) == 0 {
		if p.rows == nil {
			if len(p.groups) == 0 {
				return io.EOF
			}
			p.rows, p.groups = p.groups[0].Rows(), p.groups[1:]
		}
		n, err := p.rows.ReadRows(p.buffer)
		p.filled = p.buffer[:n]
		if n == 0 && err != nil {
			closed := p.rows.Close()
			p.rows = nil
			if err != io.EOF || closed != nil {
				return fmt.Errorf("%s: after row %d: %w", p.file, p.row, err)
			}
		}
	}
	return nil
}
