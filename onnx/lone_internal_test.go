package onnx

import (
	"testing"
	"time"
)

// On a machine that is idle, then busy, then idle again, nearly all runs go the way that is quicker at the time, slow
// first runs after a pause or not.
func TestLoneRunsGoTheQuickerWay(t *testing.T) {
	var narrow, wide runner = new(session), new(session)
	l := new(lone)
	open := func() (runner, error) { return wide, nil }
	took := func(s runner, run int, busy bool) time.Duration {
		switch {
		case run%100 < 2: // after a pause
			return 20 * time.Millisecond
		case s == narrow:
			return 4 * time.Millisecond
		case busy:
			return 10 * time.Millisecond
		}
		return 2 * time.Millisecond
	}
	for range openAfter { // until the wide one is there
		s := l.pick(narrow, open)
		l.took(s, 14, took(s, 50, false))
	}
	l.opening.Wait()
	for _, phase := range []struct {
		name string
		busy bool
		want runner
	}{{"idle", false, wide}, {"busy", true, narrow}, {"idle again", false, wide}} {
		right := 0
		for run := range 400 {
			s := l.pick(narrow, open)
			l.took(s, 14, took(s, run, phase.busy))
			if s == phase.want {
				right++
			}
		}
		if right < 340 {
			t.Errorf("%s: %d of 400 runs went the quicker way, want 340", phase.name, right)
		}
	}
	l.wide.Store(nil) // no session of the runtime's
}
