package hnswlib

import (
	"fmt"
	"math"

	"github.com/minnow-search/minnow/csrc"
)

// Upstream's defaults.
const (
	defaultM              = 16
	defaultEfConstruction = 200
	defaultRandomSeed     = 100
	defaultEf             = 10
	defaultMaxElements    = 256
)

// Config holds what an index cannot change later. Nil and the zero value are
// upstream's defaults; it is read once and not kept.
type Config struct {
	// M is the number of links that an element gets on each level, twice that
	// on level 0. More means better recall, more memory (8*M bytes an element)
	// and slower adds. 2 to 10000; zero is 16.
	M int

	// EfConstruction is the size of the candidate list while adding. More means
	// better recall and slower adds. Zero is 200; below M it is raised to M.
	EfConstruction int

	// RandomSeed makes the levels of the elements, and with them the graph if
	// Threads is 1, repeatable. Zero is 100.
	RandomSeed uint64

	// Quantization is how vectors are coded for walks through the graph. Zero is
	// [Int8].
	Quantization Quantization

	// Engine links elements: [Own] by default, or [Upstream], which leaves the
	// codes to queries.
	Engine Engine

	// VectorsDir is a folder for a file of the vectors, which are in memory
	// otherwise. The system keeps of the file what is used: with codes, some
	// dozen vectors a query. The file has no name, and is gone with the index
	// or the process. Its room is taken as the index grows, and where there is
	// none left it is [ErrNoSpace]. See also [Index.DropVectors].
	VectorsDir string

	// MaxElements is the number of labels, live or deleted, to make room for at
	// once. Zero is a small number. An index grows beyond it by itself.
	MaxElements int

	// FixedCapacity keeps the index from growing: an Add that would bring it
	// over MaxElements is ErrFull. Replacing a vector needs no capacity.
	FixedCapacity bool

	// ReplaceDeleted lets an Add forget deleted labels when it needs their
	// place: in an index of fixed capacity one for each new label, and in any
	// index all of them in the rebuild that comes before growing, if they and
	// replaced vectors outnumber the live ones (upstream: allow_replace_deleted,
	// which puts the new vector into the old one's node, and can lose elements
	// over it). A forgotten label cannot be unmarked. Without it a deleted label
	// keeps its place until [Index.Compact].
	ReplaceDeleted bool

	// Threads is the number of threads that one Add or one batch of queries may
	// use (upstream: num_threads). Zero is all cores that Go may use, see
	// [runtime.GOMAXPROCS]. On several threads an Add is as much faster, but two
	// builds of one data set differ in their links, as upstream's do; set 1 to
	// build the same graph each time.
	Threads int
}

func (c *Config) withDefaults() (Config, error) {
	var d Config
	if c != nil {
		d = *c
	}
	if d.M < 0 || d.EfConstruction < 0 || d.MaxElements < 0 || d.Threads < 0 {
		return d, fmt.Errorf("%w: M %d, EfConstruction %d, MaxElements %d, Threads %d: none may be negative",
			ErrConfig, d.M, d.EfConstruction, d.MaxElements, d.Threads)
	}
	d.M = orDefault(d.M, defaultM)
	d.EfConstruction = orDefault(d.EfConstruction, defaultEfConstruction)
	d.RandomSeed = orDefault(d.RandomSeed, defaultRandomSeed)
	return d, nil
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (c Config) settings(space Space, dim, slots int) (csrc.Settings, error) {
	if _, err := Kernel(); err != nil {
		return csrc.Settings{}, err
	}
	if space < L2 || space > Cosine {
		return csrc.Settings{}, fmt.Errorf("%w: space %v is none of l2, ip, cosine", ErrConfig, space)
	}
	if dim < 1 || dim > math.MaxInt32 {
		return csrc.Settings{}, fmt.Errorf("%w: dimension %d is not positive, or out of all proportion", ErrConfig, dim)
	}
	bits, ok := codeBits[c.Quantization]
	if !ok {
		return csrc.Settings{}, fmt.Errorf("%w: quantization %v is none of None, Int8, Int4", ErrConfig, c.Quantization)
	}
	if c.Engine != Own && c.Engine != Upstream {
		return csrc.Settings{}, fmt.Errorf("%w: engine %v is none of Own, Upstream", ErrConfig, c.Engine)
	}
	return csrc.Settings{
		Space: int(space), Dim: dim, M: c.M, EfConstruction: c.EfConstruction,
		Seed: c.RandomSeed, Slots: slots, CodeBits: bits, Engine: int(c.Engine), Folder: c.VectorsDir,
	}, nil
}
