package source

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
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
	if names == nil {
		names = namesOf(sample)
	}
	c := &columns{id: o.ID, text: o.Text, meta: o.Meta, others: o.Meta == nil}
	if len(sample) == 0 {
		return c, nil // nothing to be wrong about
	}
	for _, asked := range slices.Concat([]string{o.ID}, o.Text, o.Meta) {
		if asked != "" && !slices.Contains(names, asked) {
			return nil, fmt.Errorf("there is no column %q; there are %s", asked, quoted(names))
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
		if text != "" {
			c.text = []string{text}
		} else if !o.textless {
			return nil, fmt.Errorf("none of the columns %s looks like a text; choose one with --text", quoted(names))
		}
	}
	c.chooseMeta(names)
	return c, nil
}

// chooseMeta takes all columns that are nothing else, unless some were asked
// for.
func (c *columns) chooseMeta(names []string) {
	switch {
	case !c.others:
	case ours(names):
		c.own, c.others = true, false
		if slices.Contains(names, "metadata") {
			c.meta = []string{"metadata"}
		}
	default:
		for _, name := range names {
			if name != c.id && !slices.Contains(c.text, name) {
				c.meta = append(c.meta, name)
			}
		}
	}
}

// namesOf are all columns that the sample has, sorted.
func namesOf(sample []record) []string {
	seen := map[string]bool{}
	for _, rec := range sample {
		for name := range rec.values {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
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
	d, reason := c.document(file, rec)
	if reason == "" {
		return Row{d, rec.vector}, nil
	}
	b := &BadRow{file, rec.line, reason}
	if path, ok := rec.values["path"].(string); ok && rec.line == 0 {
		b.File = path // of a folder
	}
	return Row{}, b
}

// document also returns why it is none, or "".
func (c *columns) document(file string, rec record) (d minnow.Document, reason string) {
	if d.Text, reason = c.textOf(rec); reason != "" {
		return d, reason
	}
	var ok bool
	switch {
	case c.id != "":
		if d.ID, ok = scalar(rec.values[c.id]); !ok || d.ID == "" {
			return d, fmt.Sprintf("it has no ID in %q", c.id)
		}
	case file == "-":
		d.ID = TextID(d.Text)
	default:
		d.ID = fmt.Sprintf("%s:%d", file, rec.line)
	}
	if !utf8.ValidString(d.ID) || !utf8.ValidString(d.Text) {
		return d, "it is not valid UTF-8"
	}
	d.Metadata, reason = c.metadataOf(rec)
	return d, reason
}

// textOf joins the columns of texts.
func (c *columns) textOf(rec record) (text, reason string) {
	var texts []string
	for _, name := range c.text {
		text, ok := scalar(rec.values[name])
		if !ok && rec.values[name] != nil {
			return "", fmt.Sprintf("its text, column %q, is no string", name)
		}
		if strings.TrimSpace(text) != "" {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 && rec.vector == nil {
		return "", "it has no text in " + quoted(c.text)
	}
	return strings.Join(texts, "\n\n"), ""
}

// metadataOf takes the columns of metadata, but for what is null or empty.
func (c *columns) metadataOf(rec record) (metadata map[string]any, reason string) {
	if c.own {
		fields, ok := jsonValue(rec.values["metadata"])
		if metadata, _ = fields.(map[string]any); !ok || metadata == nil && fields != nil {
			return nil, "its metadata is no JSON object in UTF-8"
		}
		return metadata, ""
	}
	for _, name := range c.metaOf(rec) {
		value, ok := jsonValue(rec.values[name])
		if field, isString := value.(string); c.table && isString {
			value = typed(field)
		}
		if !ok || !utf8.ValidString(name) {
			return nil, fmt.Sprintf("its metadata %q is no valid JSON in UTF-8; --meta chooses other columns", name)
		}
		if value == nil || value == "" {
			continue
		}
		if metadata == nil {
			metadata = map[string]any{}
		}
		metadata[name] = value
	}
	return metadata, ""
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
