package minnow

import "log/slog"

// Space says how the distance between two vectors is measured.
type Space string

// Spaces of a collection. See [Hit] for the numbers they give.
const (
	Cosine       Space = "cosine" // by direction; lengths don't matter. The default
	InnerProduct Space = "ip"     // by dot product; for models that ask for it
	L2           Space = "l2"     // by squared Euclidean distance
)

// Options are choices about a collection. Nil and the zero value are good
// defaults. Space, M and EfConstruction are fixed when a collection is made:
// left zero, a collection that exists keeps its own; set to something else,
// [Open] fails with [ErrModelMismatch].
type Options struct {
	// Space is how distance is measured; [Cosine] by default, which suits
	// sentence embeddings.
	Space Space
	// M is how many neighbours each node of the graph keeps; 16 by default.
	// More finds more of the true neighbours, for memory and time.
	M int
	// EfConstruction is how many candidates are looked at to place a node; 200
	// by default. More makes a better graph, and a slower Add.
	EfConstruction int
	// DeferSync lets Add and Delete return before their documents are synced
	// to the disk; Save and Close sync them. See the table in the package
	// comment.
	DeferSync bool
	// ReadOnly opens a collection that exists to be read, beside the process
	// that writes it, or on a disk that can't be written. Every query sees what
	// the writer's calls had returned from when it began. Methods that write
	// return [ErrReadOnly].
	ReadOnly bool
	// Splitter cuts the texts that are added into passages, each with a vector
	// of its own. By default a text has one vector, and what is beyond the
	// model's limit has no part in it: [Hit.Truncated] says so.
	Splitter Splitter
	// MixPresets opens a collection with a model of another preset than it was
	// made with (package onnx): documents of one, queries or more documents of
	// the other. Some of the nearest are then missed; docs/int8.md has how many.
	MixPresets bool
	// Logger hears about what no call returns, such as a damaged graph that is
	// made again, and every ten seconds about long work. By default nothing is
	// logged.
	Logger *slog.Logger
	// Progress is called during long work, some times a second. It should
	// return soon. Two imports at a time may call it at once.
	Progress func(Progress)
}

// Splitter cuts texts into passages. Package
// github.com/minnow-search/minnow/split has one. A collection calls it from
// many goroutines at once.
type Splitter interface {
	// Split returns the bytes [start, end) of each passage, in order: at least
	// one, none empty, and cut between characters. They may overlap.
	Split(text string) ([][2]int, error)
	// ID names the splitter and all that decides its cuts. Under another ID a
	// text that is added again is cut and embedded again.
	ID() string
}

func (o *Options) orDefault() *Options {
	if o == nil {
		return &Options{}
	}
	copied := *o // the caller may change theirs
	return &copied
}

func (o *Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}
