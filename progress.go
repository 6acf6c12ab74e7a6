package minnow

import (
	"log/slog"
	"sync"
	"time"
)

// Progress tells how far long work has come.
type Progress struct {
	// Task is what is being done: "add", "graph" (made from the store),
	// "compact", "reindex" or "repair".
	Task string
	// Done counts documents, of the graph vectors.
	Done int
	// Total is what Done comes to, or 0 where nobody knows.
	Total int
	// Elapsed is the time since the work began.
	Elapsed time.Duration
}

// meter reports the progress of one piece of work.
type meter struct {
	report func(Progress)
	log    *slog.Logger

	mu             sync.Mutex
	begin          time.Time
	now            Progress
	called, logged time.Time
}

// How often progress is reported and logged.
const (
	reportEvery = 100 * time.Millisecond
	logEvery    = 10 * time.Second
)

func (o *Options) meter(task string, total int) *meter {
	now := time.Now()
	return &meter{report: o.Progress, log: o.logger(), begin: now, logged: now, now: Progress{Task: task, Total: total}}
}

// add counts n more as done.
func (m *meter) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Done += n
	at := time.Now()
	m.now.Elapsed = at.Sub(m.begin)
	if m.report != nil && at.Sub(m.called) >= reportEvery {
		m.called = at
		m.report(m.now)
	}
	if at.Sub(m.logged) >= logEvery {
		m.logged = at
		m.log.Info("working", "task", m.now.Task, "done", m.now.Done, "total", m.now.Total, "duration", m.now.Elapsed)
	}
}

// end makes the last report.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Elapsed = time.Since(m.begin)
	if m.report != nil {
		m.report(m.now)
	}
}
