package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/minnow-search/minnow"
)

// readAll reads a source, and writes its rows and errors as lines.
func readAll(t *testing.T, path string, o Options) (said string, got []string) {
	t.Helper()
	s, err := Open(path, o)
	if err != nil {
		return err.Error(), nil
	}
	defer s.Close()
	for row, err := range s.Rows(t.Context()) {
		if err != nil {
			got = append(got, "error: "+err.Error())
			continue
		}
		got = append(got, describe(row))
	}
	return s.String(), got
}

func describe(row Row) string {
	metadata, err := json.Marshal(row.Metadata)
	if err != nil {
		return err.Error()
	}
	line := fmt.Sprintf("%s|%s|%s", row.ID, row.Text, metadata)
	if row.Vector != nil {
		line += fmt.Sprint("|", row.Vector)
	}
	return line
}

func TestEachFormat(t *testing.T) {
	for _, test := range []struct {
		name, content string
		o             Options
		said          string
		want          []string
	}{
		{
			"a.jsonl", "\ufeff{\"id\": 1, \"title\": \"a\", \"text\": \"one\", \"n\": 12345678901234567890}\n\n{\"id\": 2, \"text\": \"two\", \"tags\": [\"x\"]}", Options{},
			`jsonl, ID from "id", text from "text", metadata from "n", "tags", "title"`,
			[]string{`1|one|{"n":12345678901234567890,"title":"a"}`, `2|two|{"tags":["x"]}`},
		},
		{
			"bad.jsonl", "{\"id\": \"a\", \"text\": \"one\"}\n{\"id\": \"b\"\n[1]\nnull\n{} {}\n{\"id\": \"c\", \"text\": \"\"}\n{\"text\": \"x\"}\n{\"id\": \"d\", \"text\": [1]}\n{\"id\": \"e\", \"text\": \"last\"}\n", Options{},
			`jsonl, no column of IDs, text from "text", metadata from "id"`,
			nil,
		},
		{
			"bad.jsonl", "{\"id\": \"a\", \"text\": \"one\"}\n{\"id\": \"b\"\n[1]\nnull\n{} {}\n{\"id\": \"c\", \"text\": \"\"}\n{\"text\": \"x\"}\n{\"id\": \"d\", \"text\": [1]}\n{\"id\": \"e\", \"text\": \"last\"}\n", Options{ID: "id"},
			`jsonl, ID from "id", text from "text", no metadata`,
			[]string{
				"a|one|null", "error: FILE:2: not a JSON object: it is cut short", "error: FILE:3: not a JSON object: it is a array", "error: FILE:4: not a JSON object: it is null",
				"error: FILE:5: not a JSON object: there is more after the object", `error: FILE:6: it has no text in "text"`, `error: FILE:7: it has no ID in "id"`,
				`error: FILE:8: its text, column "text", is no string`, "e|last|null",
			},
		},
		{
			"ours.jsonl", `{"id":"a","text":"one","metadata":{"lang":"en","n":{"m":1}}}` + "\n" + `{"id":"b","text":"two"}`, Options{},
			`jsonl, ID from "id", text from "text", metadata from "metadata"`,
			[]string{`a|one|{"lang":"en","n":{"m":1}}`, `b|two|null`},
		},
		{
			"a.json", `[{"id": "x", "body": "one"}, 7, {"id": "y", "body": "two", "k": null}]`, Options{},
			`json, ID from "id", text from "body", metadata from "k"`,
			[]string{"x|one|null", "error: FILE:2: not a JSON object: it is a number", "y|two|null"},
		},
		{
			"cut.json", `[{"id": "x", "body": "one"}, {"id": `, Options{},
			`FILE: object 2: it is cut short`, nil,
		},
		{
			"objects.json", `{"id": "x", "body": "one"}`, Options{},
			`jsonl, ID from "id", text from "body", no metadata`, []string{"x|one|null"},
		},
		{
			"a.csv", "\ufeffkey;definition;year;zip;ok\na;\"one; \"\"two\"\"\nlines\";2020;007;true\nb;three;-1.5e3;1;\n", Options{},
			`csv, ID from "key", text from "definition", metadata from "year", "zip", "ok"`,
			[]string{"a|one; \"two\"\nlines|{\"ok\":true,\"year\":2020,\"zip\":\"007\"}", `b|three|{"year":-1.5e3,"zip":1}`},
		},
		{
			"bad.csv", "id,text\n1,one\n2\n3,three,more\n4,\"fo\"ur\n5,five\n", Options{},
			`csv, ID from "id", text from "text", no metadata`,
			[]string{
				"1|one|null", "error: FILE:3: it has 1 fields, and the header 2", "error: FILE:4: it has 3 fields, and the header 2",
				`error: FILE:5: extraneous or missing " in quoted-field`, "5|five|null",
			},
		},
		{"twice.csv", "id,id\n1,2\n", Options{}, `FILE: the header has two columns "id"`, nil},
		{"empty.csv", "", Options{}, "FILE: it is empty, and should begin with a header", nil},
		{
			"columns.csv", "a,b,c\n1,one,x\n2,two,y\n", Options{ID: "a", Text: []string{"b", "c"}, Meta: []string{"a"}},
			`csv, ID from "a", text from "b", "c", metadata from "a"`,
			[]string{"1|one\n\nx|{\"a\":1}", "2|two\n\ny|{\"a\":2}"},
		},
		{"columns.csv", "a,b\n1,one\n", Options{Text: []string{"z"}}, `wrong usage: FILE: there is no column "z"; there are "a", "b"`, nil},
		{
			"guess.csv", "a,b,n\nx,a long text,1\ny,another one,2\n", Options{},
			`csv, no column of IDs, text from "b", metadata from "a", "n"`,
			[]string{`FILE:2|a long text|{"a":"x","n":1}`, `FILE:3|another one|{"a":"y","n":2}`},
		},
		{
			"a.tsv", "id\ttext\n1\tsays \"hi\n2\ttwo\n", Options{},
			`tsv, ID from "id", text from "text", no metadata`, []string{`1|says "hi|null`, "2|two|null"},
		},
		{
			"a.txt", "one\r\n\n  \ntwo\xff\nthree", Options{},
			`lines, no column of IDs, text from "text", no metadata`,
			[]string{"FILE:1|one|null", "error: FILE:4: it is not valid UTF-8", "FILE:5|three|null"},
		},
		{"unnamed", "[{\"id\": 1, \"text\": \"one\"}]", Options{}, `json, ID from "id", text from "text", no metadata`, []string{"1|one|null"}},
		{"unnamed", " {\"id\": 1, \"text\": \"one\"}", Options{}, `jsonl, ID from "id", text from "text", no metadata`, []string{"1|one|null"}},
		{"a.csv", "x,y\n", Options{Format: Lines}, `lines, no column of IDs, text from "text", no metadata`, []string{"FILE:1|x,y|null"}},
		{"a.csv", "x,y\n", Options{Format: "xml"}, `wrong usage: no format "xml"; there are ` + Formats(), nil},
		{"a.csv", "x,y\n", Options{Format: Folder}, `wrong usage: FILE is no folder`, nil},
		{"a.csv", "x,y\n", Options{Labels: "b"}, `wrong usage: labels belong to vectors in a .npy file, and FILE is csv`, nil},
		{"no.parquet", "PAR1 and so on", Options{}, "FILE: no Parquet file, or a damaged one: ", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.name)
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			said, got := readAll(t, path, test.o)
			said = strings.ReplaceAll(strings.TrimPrefix(said, path+": "), path, "FILE")
			want := strings.TrimPrefix(test.said, "FILE: ")
			if strings.HasSuffix(want, ": ") && strings.HasPrefix(said, want) {
				said = want
			}
			if said != want {
				t.Errorf("it says\n%s\nwant\n%s", said, want)
			}
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], path, "FILE")
			}
			if d := cmp.Diff(test.want, got); d != "" && test.want != nil {
				t.Errorf("rows: -want +got\n%s", d)
			}
		})
	}
}

func TestCompressedAndPiped(t *testing.T) {
	const text = "id,text\n1,one\n"
	var zipped, zstandard bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write([]byte(text))
	w.Close()
	z, err := zstd.NewWriter(&zstandard)
	if err != nil {
		t.Fatal(err)
	}
	z.Write([]byte(text))
	z.Close()
	for name, content := range map[string][]byte{
		"a.csv.gz": zipped.Bytes(), "a.csv.zst": zstandard.Bytes(), "lies.csv": zipped.Bytes(),
		"cut.csv.gz": zipped.Bytes()[:zipped.Len()-6],
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		said, got := readAll(t, path, Options{})
		if name == "cut.csv.gz" {
			if !strings.Contains(said, "unexpected EOF") {
				t.Errorf("%s: %s, want an error", name, said)
			}
			continue
		}
		if d := cmp.Diff([]string{"1|one|null"}, got); d != "" {
			t.Errorf("%s (%s): -want +got\n%s", name, said, d)
		}
	}
	for _, piped := range [][]byte{[]byte(text), zipped.Bytes()} {
		said, got := readAll(t, "-", Options{Format: CSV, Stdin: bytes.NewReader(piped)})
		if d := cmp.Diff([]string{"1|one|null"}, got); d != "" {
			t.Errorf("piped in (%s): -want +got\n%s", said, d)
		}
	}
	_, got := readAll(t, "-", Options{Stdin: strings.NewReader("one\ntwo\none\n")})
	if len(got) != 3 || got[0] != got[2] || got[0] == got[1] || !strings.HasPrefix(got[0], TextID("one")+"|") {
		t.Errorf("lines piped in have the IDs %q", got)
	}
	if said, _ := readAll(t, "-", Options{}); !strings.Contains(said, "nothing is piped in") {
		t.Errorf("without standard input: %s", said)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"b.md":         "---\ntags: [x, y]\ndate: 2020-01-02\n---\n\n# The title\n\nText.\n",
		"a.txt":        "plain\n",
		"sub/c.md":     "---\nnot closed",
		"sub/d.md":     "",
		".git/x.md":    "hidden",
		"picture.jpeg": "\xff",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, got := readAll(t, dir+"/", Options{})
	if want := dir + ": folder, 4 files of text, their paths as IDs; 1 other files are passed over"; said != want {
		t.Errorf("it says %q, want %q", said, want)
	}
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], dir, "DIR")
	}
	want := []string{
		"DIR/a.txt|plain\n|null",
		`DIR/b.md|# The title` + "\n\nText.\n" + `|{"date":"2020-01-02T00:00:00Z","tags":["x","y"],"title":"The title"}`,
		"DIR/sub/c.md|---\nnot closed|null",
		`error: DIR/sub/d.md: it has no text in "text"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for _, o := range []Options{{Format: CSV}, {ID: "x"}} {
		if _, err := Open(dir, o); !errors.Is(err, ErrUsage) {
			t.Errorf("Open with %+v: %v, want ErrUsage", o, err)
		}
	}
}

func TestParquet(t *testing.T) {
	type row struct {
		ID    int64    `parquet:"id"`
		Text  string   `parquet:"text"`
		Score float32  `parquet:"score"`
		Tags  []string `parquet:"tags,list"`
		When  int64    `parquet:"when,timestamp(millisecond)"`
		Day   int32    `parquet:"day,date"`
		None  *string  `parquet:"none,optional"`
	}
	var rows []row
	for i := range int64(200) {
		rows = append(rows, row{ID: i, Text: fmt.Sprintf("text %d", i), Score: 0.5, Tags: []string{"a"}, When: 1577923200000, Day: 18263})
	}
	var file bytes.Buffer
	if err := parquet.Write(&file, rows, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(70)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.parquet")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, "-"} {
		said, got := readAll(t, path, Options{Stdin: &file})
		if len(got) != 200 {
			t.Fatalf("%s: %d rows: %v", said, len(got), got)
		}
		for i, line := range got {
			want := fmt.Sprintf(`%d|text %d|{"day":"2020-01-02","score":0.5,"tags":["a"],"when":"2020-01-02T00:00:00Z"}`, i, i)
			if line != want {
				t.Errorf("row %d: %s, want %s", i, line, want)
			}
		}
	}
}

// npy makes a file as NumPy does.
func npy(t *testing.T, descr string, fortran bool, rows, dim int, numbers ...byte) string {
	t.Helper()
	order := map[bool]string{true: "True", false: "False"}[fortran]
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%d, %d), }", descr, order, rows, dim)
	content := append([]byte(npyMagic+"\x01\x00"), byte(len(header)), 0)
	content = append(append(content, header...), numbers...)
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVectors(t *testing.T) {
	one, nan := []byte{0, 0, 0x80, 0x3f}, []byte{0, 0, 0xc0, 0x7f}
	one64 := []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}
	two := func(a, b []byte) []byte { return append(append([]byte{}, a...), b...) }
	labels := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		path string
		o    Options
		want []string
	}{
		"no labels": {npy(t, "<f4", false, 2, 1, two(one, one)...), Options{}, []string{"0||null|[1]", "1||null|[1]"}},
		"float64":   {npy(t, "<f8", false, 1, 2, two(one64, one64)...), Options{}, []string{"0||null|[1 1]"}},
		"IDs":       {npy(t, "<f4", false, 2, 1, two(one, one)...), Options{Labels: labels("l.txt", "a\nb\n")}, []string{"a||null|[1]", "b||null|[1]"}},
		"documents": {
			npy(t, "<f4", false, 2, 1, two(one, one)...), Options{Labels: labels("l.csv", "id,text,n\na,one,1\nb,,2\n")},
			[]string{`a|one|{"n":1}|[1]`, `b||{"n":2}|[1]`},
		},
		"as exported": {
			npy(t, "<f4", false, 1, 1, one...), Options{Labels: labels("l.jsonl", `{"label":0,"id":"a","start":0,"end":24}`)},
			[]string{`a||null|[1]`},
		},
		"too few labels":  {npy(t, "<f4", false, 2, 1, two(one, one)...), Options{Labels: labels("l.txt", "a\n")}, []string{"a||null|[1]", "error: FILE: 2 vectors, and labels for 1 only"}},
		"too many labels": {npy(t, "<f4", false, 1, 1, one...), Options{Labels: labels("l.txt", "a\nb\n")}, []string{"a||null|[1]", "error: FILE: 1 vectors, and more labels than that"}},
		"cut short":       {npy(t, "<f4", false, 2, 1, one...), Options{}, []string{"0||null|[1]", "error: FILE: it is cut short after 1 of 2 vectors"}},
		"not a number":    {npy(t, "<f4", false, 2, 1, two(nan, one)...), Options{}, []string{"error: FILE:1: number 0 of its vector is NaN", "1||null|[1]"}},
		"big endian":      {npy(t, ">f4", false, 1, 1, one...), Options{}, nil},
		"columns first":   {npy(t, "<f4", true, 1, 1, one...), Options{}, nil},
		"integers":        {npy(t, "<i4", false, 1, 1, one...), Options{}, nil},
		"half":            {npy(t, "<f2", false, 1, 1, one...), Options{}, nil},
	} {
		said, got := readAll(t, test.path, test.o)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], test.path, "FILE")
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s (%s): -want +got\n%s", name, said, d)
		}
		if test.want == nil && !strings.Contains(said, "it is no matrix of float32 or float64 in C order") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestWhatIsWrittenAsNPYIsReadBack(t *testing.T) {
	for _, shape := range [][2]int{{0, 384}, {3, 1}, {123456789, 384}} {
		var file bytes.Buffer
		if err := WriteNPYHeader(&file, shape[0], shape[1]); err != nil {
			t.Fatal(err)
		}
		if file.Len()%64 != 0 {
			t.Errorf("the header has %d bytes", file.Len())
		}
		path := filepath.Join(t.TempDir(), "a.npy")
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		v := s.records.(*vectors)
		if v.rows != shape[0] || v.dim != shape[1] {
			t.Errorf("shape %d × %d, want %v", v.rows, v.dim, shape)
		}
		s.Close()
	}
}

// What a source gives, a collection takes: whatever a file holds.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{"id,text\n1,a", `{"id":1,"text":"a","m":{"\ud800":1e999}}`, "[{}]", "a\nb", "\x93NUMPY\x01\x00\x10\x00", "PAR1"} {
		for _, format := range []string{"", "jsonl", "json", "csv", "tsv", "lines", "parquet", "npy"} {
			f.Add([]byte(seed), format)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, format string) {
		if len(content) > 1<<16 || format == "folder" {
			return
		}
		s, err := Open("-", Options{Format: Format(format), Stdin: bytes.NewReader(content)})
		if err != nil {
			return
		}
		defer s.Close()
		c, err := minnow.Open(t.TempDir(), minnow.OwnVectors(2, "test"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for row, err := range s.Rows(context.Background()) {
			if err == nil && s.Dim() == 0 {
				if err := c.AddVectors(t.Context(), []minnow.Document{row.Document}, [][]float32{{1, 0}}); err != nil {
					t.Errorf("%q as %s gave %+v: %v", content, format, row, err)
				}
			}
		}
	})
}
