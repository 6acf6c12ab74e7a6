package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/minnow-search/minnow"
)

// lineEvery is how often progress is said where there is no terminal.
const lineEvery = 10 * time.Second

// bar shows how far long work has come: a bar with rate and time left on a
// terminal, else a line now and then. It belongs to all goroutines.
type bar struct {
	out   io.Writer
	shown bool // on a terminal
	quiet bool
	// total estimates what a task comes to that doesn't know it itself.
	total func() int

	mu   sync.Mutex
	task string
	bar  *progressbar.ProgressBar // nil if none is to be seen
	said time.Time
}

func (sh *shell) newBar(cmd *cobra.Command) *bar {
	out := cmd.ErrOrStderr()
	return &bar{out: out, shown: isTerminal(out), quiet: sh.quiet}
}

// tasks says what package minnow calls its tasks in words.
var tasks = map[string]string{
	"add": "importing", "graph": "linking the graph anew", "compact": "compacting", "reindex": "embedding anew", "repair": "repairing",
}

// report is for Options.Progress.
func (b *bar) report(p minnow.Progress) {
	if b.quiet || p.Done == 0 { // opening reports an end even where nothing was to be done
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	total := p.Total
	if total == 0 && b.total != nil {
		total = b.total()
	}
	if b.shown {
		b.draw(p, total)
		return
	}
	if b.task != p.Task {
		b.task, b.said = p.Task, time.Now()
	}
	if time.Since(b.said) < lineEvery {
		return
	}
	b.said = time.Now()
	rate := float64(p.Done) / p.Elapsed.Seconds()
	line := fmt.Sprintf("%s: %s", tasks[p.Task], count(p.Done))
	if total > p.Done {
		left := time.Duration(float64(total-p.Done) / rate * float64(time.Second)).Round(time.Second)
		line += fmt.Sprintf(" of %s, %s left", count(total), left)
	}
	fmt.Fprintf(b.out, "minnow: %s, %.0f/s\n", line, rate)
}

func (b *bar) draw(p minnow.Progress, total int) {
	if b.bar == nil || b.task != p.Task {
		b.clear()
		b.task = p.Task
		b.bar = progressbar.NewOptions(-1,
			progressbar.OptionSetWriter(b.out), progressbar.OptionSetDescription(tasks[p.Task]), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("texts"), progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(30),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetSpinnerChangeInterval(0), // else it draws itself after Clear, too
			progressbar.OptionUseANSICodes(true), progressbar.OptionThrottle(50*time.Millisecond))
	}
	// At its end the bar would take itself for finished.
	if end := max(total, p.Done+1); total > 0 && b.bar.GetMax() != end {
		b.bar.ChangeMax(end)
	}
	b.bar.Set(p.Done)
}

func (b *bar) clear() {
	if b.bar != nil {
		b.bar.Clear()
		b.bar = nil
	}
}

// end takes the bar away.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

// above says a line without leaving half a bar behind.
func (b *bar) above(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.bar.Clear()
	}
	fmt.Fprintln(b.out, line)
}
