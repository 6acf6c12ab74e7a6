package hnswlib

import (
	"fmt"
	"strconv"

	"github.com/minnow-search/minnow/csrc"
)

// Space says how an index measures distance. Smaller is nearer in all three.
type Space int

const (
	// L2 is the squared Euclidean distance, in 0..∞.
	L2 Space = iota
	// InnerProduct is 1 minus the dot product, in -∞..∞. It is no metric: a
	// vector need not be its own nearest neighbour.
	InnerProduct
	// Cosine is 1 minus the cosine of the angle, in 0..2. The index stores
	// vectors normalised to length 1 and normalises queries.
	Cosine
)

var spaceNames = [...]string{L2: "l2", InnerProduct: "ip", Cosine: "cosine"}

// The shim numbers the spaces as Go does.
var _ = [1]struct{}{}[csrc.L2-int(L2)|csrc.IP-int(InnerProduct)|csrc.Cosine-int(Cosine)]

// String returns "l2", "ip" or "cosine", the names that Python's hnswlib uses.
func (s Space) String() string {
	if s < L2 || s > Cosine {
		return "Space(" + strconv.Itoa(int(s)) + ")"
	}
	return spaceNames[s]
}

// ParseSpace returns the space that [Space.String] names, or [ErrConfig].
func ParseSpace(name string) (Space, error) {
	for s, n := range spaceNames {
		if n == name {
			return Space(s), nil
		}
	}
	return 0, &Error{Op: "parse space", Err: fmt.Errorf("%w: %q is none of l2, ip, cosine", ErrConfig, name)}
}
