package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
)

// typingPause is how long nothing must be typed before hits are looked for.
const typingPause = 60 * time.Millisecond

// prompt shows hits while a question is typed, until Esc or Ctrl-C.
func prompt(cmd *cobra.Command, c *opened, q *minnow.Query) error {
	p := newPromptModel(cmd.Context(), c, q)
	_, err := tea.NewProgram(p, tea.WithContext(cmd.Context()), tea.WithInput(cmd.InOrStdin()), tea.WithOutput(cmd.OutOrStdout())).Run()
	if cmd.Context().Err() != nil {
		return nil // it was left by Ctrl-C, as is usual
	}
	return err
}

// searcher is what the prompt asks: *minnow.Collection.
type searcher interface {
	KNNQuery(ctx context.Context, text string, q *minnow.Query) ([]minnow.Hit, error)
}

// promptModel is the state of the prompt, in the Elm architecture of Bubble Tea.
type promptModel struct {
	ctx    context.Context
	from   searcher
	query  *minnow.Query
	input  textinput.Model
	turn   int // counts changes of the text; answers to earlier ones are late
	shown  answer
	width  int
	height int
}

type (
	paused struct{ turn int } // nothing was typed since
	answer struct {
		turn  int
		text  string
		hits  []minnow.Hit
		err   error
		after time.Duration
	}
)

func newPromptModel(ctx context.Context, from searcher, q *minnow.Query) promptModel {
	input := textinput.New()
	input.Placeholder = "what are you looking for?"
	input.Prompt = "> "
	input.Focus()
	return promptModel{ctx: ctx, from: from, query: q, input: input, width: 80, height: 24}
}

func (p promptModel) Init() tea.Cmd { return textinput.Blink }

func (p promptModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		p.width, p.height = msg.Width, msg.Height
		p.input.SetWidth(max(p.width-4, 10))
		return p, nil
	case tea.KeyPressMsg:
		switch msg.String() {
		case "esc", "ctrl+c", "ctrl+d":
			return p, tea.Quit
		case "enter":
			return p.changed(0)
		}
	case paused:
		if msg.turn == p.turn {
			return p, p.ask()
		}
		return p, nil
	case answer:
		if msg.turn == p.turn {
			p.shown = msg
		}
		return p, nil
	}
	before := p.input.Value()
	var cmd tea.Cmd
	p.input, cmd = p.input.Update(msg)
	if p.input.Value() == before {
		return p, cmd
	}
	next, ask := p.changed(typingPause)
	return next, tea.Batch(cmd, ask)
}

// changed looks for hits after a pause.
func (p promptModel) changed(pause time.Duration) (tea.Model, tea.Cmd) {
	p.turn++
	turn := p.turn
	if strings.TrimSpace(p.input.Value()) == "" {
		p.shown = answer{}
		return p, nil
	}
	return p, tea.Tick(pause, func(time.Time) tea.Msg { return paused{turn} })
}

func (p promptModel) ask() tea.Cmd {
	a := answer{turn: p.turn, text: strings.TrimSpace(p.input.Value())}
	return func() tea.Msg {
		begin := time.Now()
		a.hits, a.err = p.from.KNNQuery(p.ctx, a.text, p.query)
		a.after = time.Since(begin)
		return a
	}
}

func (p promptModel) View() tea.View {
	out := p.input.View() + "\n\n"
	switch a := p.shown; {
	case a.err != nil:
		out += a.err.Error() + "\n"
	case a.text == "":
		out += metaStyle.Render("Hits appear as you type. Esc ends.") + "\n"
	default:
		out += hitTable(p.width, a.text, a.hits)
		out += metaStyle.Render(fmt.Sprintf("%d hits in %s ms", len(a.hits), humanize.FtoaWithDigits(float64(a.after.Microseconds())/1000, 1))) + "\n"
	}
	lines := strings.SplitAfter(out, "\n")
	view := tea.NewView(strings.Join(lines[:min(len(lines), max(p.height-1, 3))], ""))
	view.AltScreen = true
	return view
}
