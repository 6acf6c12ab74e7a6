package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/minnow-search/minnow"
)

// Colours are the sixteen that every terminal has in its own palette.
var (
	headStyle = lipgloss.NewStyle().Faint(true)
	idStyle   = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
	wordStyle = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Yellow)
	metaStyle = lipgloss.NewStyle().Faint(true)
)

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is how many columns lines may have, or 0 if it doesn't matter: of the
// terminal, unless COLUMNS says otherwise.
func width(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
}

// printJSON writes a line of JSON.
func printJSON(w io.Writer, v any) error {
	var buf bytes.Buffer // whole lines, should the process be killed
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(buf.Bytes())
	return err
}

// coloured is the command's output: colours are left out where nobody would see
// them, or where NO_COLOR asks for it.
func coloured(cmd *cobra.Command) io.Writer {
	return colorprofile.NewWriter(cmd.OutOrStdout(), os.Environ())
}

// table aligns rows of columns; the last column has what is left of the width,
// and wraps. The header may be nil.
func table(columns int, header []string, rows [][]string) string {
	if header != nil {
		styled := make([]string, len(header))
		for i, h := range header {
			styled[i] = headStyle.Render(h)
		}
		rows = slices.Insert(slices.Clone(rows), 0, styled)
	}
	if len(rows) == 0 {
		return ""
	}
	last := len(rows[0]) - 1
	widths := make([]int, last)
	left := columns
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], lipgloss.Width(row[i])+2)
		}
		left -= widths[i]
	}
	var out strings.Builder
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, w := range widths {
			cells[i] = row[i] + strings.Repeat(" ", w-lipgloss.Width(row[i]))
		}
		cells[last] = row[last]
		if columns > 0 {
			cells[last] = lipgloss.Wrap(row[last], max(left, 20), "")
		}
		for line := range strings.Lines(lipgloss.JoinHorizontal(lipgloss.Top, cells...) + "\n") {
			out.WriteString(strings.TrimRight(line, " \n") + "\n")
		}
	}
	return out.String()
}

// shownRunes is how much of a text people see in a table; --json has all.
const shownRunes = 400

// brief makes one line of a text, and cuts it.
func brief(text string) string {
	text = strings.Join(strings.Fields(printable(text)), " ")
	n := 0
	for i := range text {
		if n++; n > shownRunes {
			return text[:i] + "…"
		}
	}
	return text
}

// printable takes out what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, text)
}

// count writes a number as people read it.
func count(n int) string { return humanize.Comma(int64(n)) }

// pairs writes metadata as people read it.
func pairs(metadata map[string]any) string {
	words := make([]string, 0, len(metadata))
	for name, value := range metadata {
		text, isString := value.(string)
		if !isString {
			raw, err := json.Marshal(value)
			if err != nil {
				raw = []byte("?") // not from a store, where metadata is JSON
			}
			text = string(raw)
		}
		words = append(words, brief(name+"="+text))
	}
	slices.Sort(words)
	return strings.Join(words, "  ")
}

// textCell is a text with some words highlighted, and its metadata.
func textCell(text string, metadata map[string]any, words []string) string {
	cell := highlight(brief(text), words)
	if len(metadata) > 0 {
		cell += "\n" + metaStyle.Render(pairs(metadata))
	}
	return cell
}

// highlight makes words stand out where they are whole words.
func highlight(text string, words []string) string {
	var alternatives []string
	for _, w := range words {
		if w != "" {
			alternatives = append(alternatives, regexp.QuoteMeta(w))
		}
	}
	if len(alternatives) == 0 {
		return text
	}
	pattern := regexp.MustCompile(`(?i)(^|[^\pL\pN])(` + strings.Join(alternatives, "|") + `)($|[^\pL\pN])`)
	for at := 0; ; {
		m := pattern.FindStringSubmatchIndex(text[at:])
		if m == nil {
			return text
		}
		word := wordStyle.Render(text[at+m[4] : at+m[5]])
		end := at + m[4] + len(word)
		text = text[:at+m[4]] + word + text[at+m[5]:]
		at = end
	}
}

var tellingWord = regexp.MustCompile(`[\pL\pN]{4,}`)

// wordsOf are the words of a query worth to be seen in a hit: those that were
// looked for, or all that are long enough to tell something.
func wordsOf(query string, h *minnow.Hit) []string {
	if h.Words != nil {
		return h.Words
	}
	return tellingWord.FindAllString(query, -1)
}

// hitTable shows hits to people.
func hitTable(columns int, query string, hits []minnow.Hit) string {
	scored := "similarity"
	if slices.ContainsFunc(hits, func(h minnow.Hit) bool { return h.TextRank > 0 }) { // by words, too
		scored = "score"
	}
	rows := make([][]string, len(hits))
	for i := range hits {
		h := &hits[i]
		score := strconv.FormatFloat(float64(h.Similarity), 'f', 3, 64)
		if scored == "score" {
			score = strconv.FormatFloat(h.Score, 'f', 4, 64)
		}
		text := textCell(h.Passage(), h.Metadata, wordsOf(query, h))
		if h.Truncated {
			text += "\n" + metaStyle.Render("(the model read only its beginning)")
		}
		rows[i] = []string{score, idStyle.Render(brief(h.ID)), text}
	}
	return table(columns, []string{scored, "id", "text"}, rows)
}

// printHits writes the hits of a query, and is errNothing if there are none.
func (sh *shell) printHits(cmd *cobra.Command, query string, hits []minnow.Hit) error {
	if len(hits) == 0 {
		sh.say(cmd, "nothing found")
		return errNothing
	}
	if sh.json {
		for i := range hits {
			if err := printJSON(cmd.OutOrStdout(), &hits[i]); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := fmt.Fprint(coloured(cmd), hitTable(width(cmd.OutOrStdout()), query, hits))
	return err
}

// printFields writes one result: names and values.
func (sh *shell) printFields(cmd *cobra.Command, v any, rows [][]string) error {
	if sh.json {
		return printJSON(cmd.OutOrStdout(), v)
	}
	_, err := fmt.Fprint(coloured(cmd), table(width(cmd.OutOrStdout()), nil, rows))
	return err
}
