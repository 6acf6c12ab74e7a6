package main

import (
	"strings"
	"testing"
	"time"

	"github.com/minnow-search/minnow"
)

// Where there is no terminal, a line comes now and then, and not before.
func TestBarSaysALineWhereThereIsNoTerminal(t *testing.T) {
	var out strings.Builder
	b := &bar{out: &out, total: func() int { return 4000 }}
	b.report(minnow.Progress{Task: "add", Done: 500, Elapsed: 5 * time.Second})
	if out.Len() > 0 {
		t.Errorf("it says %q at once", out.String())
	}
	b.said = b.said.Add(-lineEvery)
	b.report(minnow.Progress{Task: "add", Done: 1000, Elapsed: 10 * time.Second})
	b.report(minnow.Progress{Task: "add", Done: 1100, Elapsed: 11 * time.Second})
	if got, want := out.String(), "minnow: importing: 1,000 of 4,000, 30s left, 100/s\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}

	// Another task begins anew; one that knows its total is believed; quiet says nothing.
	out.Reset()
	b.report(minnow.Progress{Task: "graph", Done: 1, Total: 10, Elapsed: time.Second})
	b.said = b.said.Add(-lineEvery)
	b.report(minnow.Progress{Task: "graph", Done: 5, Total: 10, Elapsed: time.Second})
	if got, want := out.String(), "minnow: linking the graph anew: 5 of 10, 1s left, 5/s\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	out.Reset()
	b = &bar{out: &out, quiet: true, said: time.Now().Add(-lineEvery)}
	b.report(minnow.Progress{Task: "graph", Done: 5, Total: 10, Elapsed: time.Second})
	if out.Len() > 0 {
		t.Errorf("quiet, it says %q", out.String())
	}
}
