package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/minnow-search/minnow"
)

// answers is a searcher that finds what it is asked for, or fails.
type answers struct{ err error }

func (a answers) KNNQuery(_ context.Context, text string, q *minnow.Query) ([]minnow.Hit, error) {
	if a.err != nil {
		return nil, a.err
	}
	d := minnow.Document{ID: "1", Text: "found " + text}
	return []minnow.Hit{{Document: d, End: len(d.Text), Similarity: 0.5, VectorRank: 1}}, nil
}

// press types keys, and returns the commands that they gave.
func press(t *testing.T, m tea.Model, text string) (tea.Model, []tea.Cmd) {
	t.Helper()
	var cmds []tea.Cmd
	for _, r := range text {
		var cmd tea.Cmd
		m, cmd = m.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
		cmds = append(cmds, cmd)
	}
	return m, cmds
}

func shows(t *testing.T, m tea.Model, want string) {
	t.Helper()
	if got := m.View().Content; !strings.Contains(got, want) {
		t.Errorf("the prompt shows\n%s\nwant %q in it", got, want)
	}
}

func TestPromptShowsHitsForWhatWasTypedLast(t *testing.T) {
	var m tea.Model = newPromptModel(t.Context(), answers{}, &minnow.Query{K: 3})
	shows(t, m, "Hits appear as you type")
	m, _ = press(t, m, "fis")
	early := m.(promptModel)
	m, _ = press(t, m, "h")
	now := m.(promptModel)

	// A pause that was interrupted by typing asks nothing.
	if _, cmd := m.Update(paused{early.turn}); cmd != nil {
		t.Error("it asks although more was typed")
	}
	m, cmd := m.Update(paused{now.turn})
	if cmd == nil {
		t.Fatal("it asks nothing after a pause")
	}
	late := early.ask()()
	m, _ = m.Update(cmd())
	shows(t, m, "found ")
	m, _ = m.Update(late) // an answer that comes too late
	if got := m.(promptModel).shown.text; got != "fish" {
		t.Errorf("it shows the hits of %q, want those of fish", got)
	}
	shows(t, m, "1 hits in")

	// A narrow and low terminal is kept to.
	m, _ = m.Update(tea.WindowSizeMsg{Width: 30, Height: 4})
	if lines := strings.Count(m.View().Content, "\n"); lines > 3 {
		t.Errorf("it shows %d lines on a terminal of 4", lines)
	}
	for range "fish" {
		m, _ = m.Update(tea.KeyPressMsg{Code: tea.KeyBackspace})
	}
	shows(t, m, "Hits appear as you type")
	if _, cmd := m.Update(tea.KeyPressMsg{Code: tea.KeyEscape}); cmd == nil {
		t.Error("Esc doesn't end it")
	} else if _, quits := cmd().(tea.QuitMsg); !quits {
		t.Error("Esc doesn't end it")
	}
}

func TestPromptShowsErrors(t *testing.T) {
	var m tea.Model = newPromptModel(t.Context(), answers{errors.New("the disk is on fire")}, &minnow.Query{})
	m, _ = press(t, m, "x")
	m, cmd := m.Update(paused{m.(promptModel).turn})
	m, _ = m.Update(cmd())
	shows(t, m, "the disk is on fire")
}
