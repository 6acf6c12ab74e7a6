package source

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minnow-search/minnow"
)

// columns says which column of a record is what of a document.
type columns struct {
	id     string // "": no column
	text   []string
	meta   []string
	others bool // all others are metadata
	table  bool // values are fields of a table: strings, whatever they mean
	own    bool // as minnow exports documents: metadata is an object in a column of its own
}

// Names that columns of IDs and of texts usually have, the likeliest first.
var (
	idNames   = []string{"id", "_id", "doc_id", "docid", "document_id", "uuid", "key", "name", "url", "path"}
	textNames = []string{"text", "content", "contents", "body", "document", "passage", "sentence", "description", "abstract", "summary", "gloss", "definition", "comment", "review", "message", "question", "title"}
)

// chooseColumns takes what the options say, and guesses the rest by names, and
// by lengths from a sample. names has the columns in order, where the format
// has an order.
func chooseColumns(names []string, sample []record, o Options) (*columns, error) {
	c := &columns{id: o.ID, text: o.Text, meta: o.Meta, others: o.Meta == nil}
	if names == nil {
		seen := map[string]bool{}
		for _, rec := range sample {
			for name := range rec.values {
				seen[name] = true
			}
		}
		for name := range seen {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	if len(sample) > 0 {
		for _, asked := range slices.Concat([]string{o.ID}, o.Text, o.Meta) {
			if asked != "" && !slices.Contains(names, asked) {
				return nil, fmt.Errorf("there is no column %q; there are %s", asked, quoted(names))
			}
		}
	}
	if c.id == "" {
		c.id = firstNamed(names, idNames)
		if slices.Contains(c.text, c.id) || !unique(sample, c.id) {
			c.id = ""
		}
	}
	if len(c.text) == 0 {
		text := firstNamed(names, textNames)
		if text == "" && !o.textless {
			text = longest(names, c.id, sample)
		}
		if text == "" && !o.textless && len(sample) > 0 {
			return nil, fmt.Errorf("none of the columns %s looks like a text; choose one with --text", quoted(names))
		}
		if text != "" {
			c.text = []string{text}
		}
	}
	if c.others && ours(names) {
		c.own, c.others = true, false
		if slices.Contains(names, "metadata") {
			c.meta = []string{"metadata"}
		}
	} else if c.others {
		for _, name := range names {
			if name != c.id && !slices.Contains(c.text, name) {
				c.meta = append(c.meta, name)
			}
		}
	}
	return c, nil
}

// ours reports whether these are the fields that minnow's exports have.
func ours(names []string) bool {
	for _, name := range names {
		if !slices.Contains([]string{"id", "text", "metadata", "label", "start", "end", "truncated", "embedding"}, name) {
			return false
		}
	}
	return slices.Contains(names, "id") && (slices.Contains(names, "metadata") || slices.Contains(names, "label"))
}

func firstNamed(names, wanted []string) string {
	for _, w := range wanted {
		for _, name := range names {
			if strings.EqualFold(name, w) {
				return name
			}
		}
	}
	return ""
}

// unique reports whether a column can tell the sample's records apart.
func unique(sample []record, name string) bool {
	seen := map[string]bool{}
	for _, rec := range sample {
		id, ok := scalar(rec.values[name])
		if !ok || id == "" || seen[id] {
			return false
		}
		seen[id] = true
	}
	return true
}

// longest is the column of strings that has the most text.
func longest(names []string, except string, sample []record) (best string) {
	most := 0
	for _, name := range names {
		sum := 0
		for _, rec := range sample {
			if s, ok := rec.values[name].(string); ok {
				sum += len(s)
			}
		}
		if name != except && sum > most {
			best, most = name, sum
		}
	}
	return best
}

// String says what was chosen, for the user to see.
func (c *columns) String() string {
	var parts []string
	if c.id == "" {
		parts = append(parts, "no column of IDs")
	} else {
		parts = append(parts, fmt.Sprintf("ID from %q", c.id))
	}
	if len(c.text) == 0 {
		parts = append(parts, "no text")
	} else {
		parts = append(parts, "text from "+quoted(c.text))
	}
	if len(c.meta) == 0 {
		parts = append(parts, "no metadata")
	} else {
		parts = append(parts, "metadata from "+quoted(c.meta))
	}
	return strings.Join(parts, ", ")
}

func quoted(names []string) string {
	const most = 12
	words := make([]string, 0, len(names))
	for i, name := range names {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(names)-most))
			break
		}
		words = append(words, fmt.Sprintf("%q", name))
	}
	return strings.Join(words, ", ")
}

// row makes a document of a record, or says, as *BadRow, why it is none.
func (c *columns) row(file string, rec record) (Row, error) {
	bad := func(format string, args ...any) (Row, error) {
		b := &BadRow{file, rec.line, fmt.Sprintf(format, args...)}
		if path, ok := rec.values["path"].(string); ok && rec.line == 0 {
			b.File = path // of a folder
		}
		return Row{}, b
	}
	var texts []string
	for _, name := range c.text {
		switch v := rec.values[name].(type) {
		case nil:
		case string:
			if strings.TrimSpace(v) != "" {
				texts = append(texts, v)
			}
		default:
			text, ok := scalar(v)
			if !ok {
				return bad("its text, column %q, is no string", name)
			}
			texts = append(texts, text)
		}
	}
	d := minnow.Document{Text: strings.Join(texts, "\n\n")}
	if d.Text == "" && rec.vector == nil {
		return bad("it has no text in %s", quoted(c.text))
	}
	var ok bool
	switch {
	case c.id != "":
		if d.ID, ok = scalar(rec.values[c.id]); !ok || d.ID == "" {
			return bad("it has no ID in %q", c.id)
		}
	case file == "-":
		d.ID = TextID(d.Text)
	default:
		d.ID = fmt.Sprintf("%s:%d", file, rec.line)
	}
	if !utf8.ValidString(d.ID) || !utf8.ValidString(d.Text) {
		return bad("it is not valid UTF-8")
	}
	if c.own {
		fields, ok := jsonValue(rec.values["metadata"])
		if d.Metadata, _ = fields.(map[string]any); !ok || d.Metadata == nil && fields != nil {
			return bad("its metadata is no JSON object in UTF-8")
		}
		return Row{d, rec.vector}, nil
	}
	for _, name := range c.metaOf(rec) {
		value, ok := jsonValue(rec.values[name])
		if field, isString := value.(string); c.table && isString {
			value = typed(field)
		}
		if !ok || !utf8.ValidString(name) {
			return bad("its metadata %q is no valid JSON in UTF-8; --meta chooses other columns", name)
		}
		if value == nil || value == "" {
			continue
		}
		if d.Metadata == nil {
			d.Metadata = map[string]any{}
		}
		d.Metadata[name] = value
	}
	return Row{d, rec.vector}, nil
}

func (c *columns) metaOf(rec record) []string {
	if !c.others {
		return c.meta
	}
	var names []string
	for name := range rec.values {
		if name != c.id && !slices.Contains(c.text, name) {
			names = append(names, name)
		}
	}
	return names
}

// TextID is the ID of a text that has none: the beginning of its sha256. So
// equal texts are one document, and different ones never replace each other.
func TextID(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%x", sum[:8])
}

// scalar writes a value as an ID or a text.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number, int32, int64, uint32, uint64, int, float64, float32, bool:
		return fmt.Sprint(v), true
	default:
		return "", false
	}
}

// jsonValue makes a value of any format one of metadata.
func jsonValue(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return v, utf8.ValidString(v)
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case float32:
		return jsonValue(float64(v))
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), true
	case []byte:
		return string(v), utf8.Valid(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var ok bool
			if list[i], ok = jsonValue(v[i]); !ok {
				return nil, false
			}
		}
		return list, true
	case map[string]any:
		object := make(map[string]any, len(v))
		for key := range v {
			var ok bool
			if object[key], ok = jsonValue(v[key]); !ok || !utf8.ValidString(key) {
				return nil, false
			}
		}
		return object, true
	case nil, bool, json.Number, int, int32, int64, uint32, uint64:
		return v, true
	default:
		return nil, false
	}
}
