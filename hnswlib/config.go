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

	// RandomSeed makes the levels of the elements, and with them the graph,
	// repeatable. Zero is 100.
	RandomSeed uint64

	// MaxElements is the number of labels, live or deleted, to make room for at
	// once. Zero is a small number. An index grows beyond it by itself.
	MaxElements int

	// FixedCapacity keeps the index from growing: an Add that would bring it
	// over MaxElements is ErrFull. Replacing a vector needs no capacity.
	FixedCapacity bool
}

func (c *Config) withDefaults() (Config, error) {
	var d Config
	if c != nil {
		d = *c
	}
	if d.M < 0 || d.EfConstruction < 0 || d.MaxElements < 0 {
		return d, fmt.Errorf("%w: M %d, EfConstruction %d, MaxElements %d: none may be negative",
			ErrConfig, d.M, d.EfConstruction, d.MaxElements)
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
	if space < L2 || space > Cosine {
		return csrc.Settings{}, fmt.Errorf("%w: space %v is none of l2, ip, cosine", ErrConfig, space)
	}
	if dim < 1 || dim > math.MaxInt32 {
		return csrc.Settings{}, fmt.Errorf("%w: dimension %d is not positive, or out of all proportion", ErrConfig, dim)
	}
	return csrc.Settings{
		Space: int(space), Dim: dim, M: c.M, EfConstruction: c.EfConstruction,
		Seed: c.RandomSeed, Slots: slots,
	}, nil
}
