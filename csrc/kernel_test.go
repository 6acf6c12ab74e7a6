package csrc_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/minnow-search/minnow/csrc"
	"github.com/minnow-search/minnow/internal/vec"
)

// eachKernel runs f for every kernel that this machine has.
func eachKernel(t *testing.T, f func(t *testing.T, kernel int)) {
	for i := range csrc.KernelCount() {
		t.Run(csrc.KernelName(i), func(t *testing.T) {
			if !csrc.KernelUsable(i) {
				t.Skipf("this processor has no %s: run the test on one that has", csrc.KernelName(i))
			}
			f(t, i)
		})
	}
}

var spaces = []struct {
	name   string
	space  int
	oracle vec.Distance
}{
	{"l2", csrc.L2, vec.L2},
	{"ip", csrc.IP, vec.InnerProduct},
}

func TestKernelsAgreeWithFloat64(t *testing.T) {
	const seed = 7
	var dims []int
	for dim := 1; dim <= 130; dim++ {
		dims = append(dims, dim)
	}
	dims = append(dims, 384, 768, 1536)
	eachKernel(t, func(t *testing.T, kernel int) {
		r := rand.New(rand.NewPCG(seed, 0))
		for _, dim := range dims {
			// Every alignment that a float can have within a cache line.
			for offset := range 16 {
				a, b := randomVector(r, dim+offset)[offset:], randomVector(r, dim+offset)[offset:]
				for _, s := range spaces {
					got, want := float64(csrc.KernelDistance(kernel, s.space, a, b)), s.oracle(a, b)
					if diff := math.Abs(got - want); diff > tolerance(a, b) {
						t.Fatalf("seed %d: %s of dimension %d, offset %d = %v, want %v (|Δ| %g > %g)",
							seed, s.name, dim, offset, got, want, diff, tolerance(a, b))
					}
				}
			}
		}
	})
}

// A kernel that reads beyond its vectors finds NaN there.
func TestKernelsReadNothingBeyondTheirVectors(t *testing.T) {
	nan := float32(math.NaN())
	eachKernel(t, func(t *testing.T, kernel int) {
		for dim := 1; dim <= 130; dim++ {
			padded := make([]float32, dim+128)
			for i := range padded {
				padded[i] = nan
			}
			v := padded[64 : 64+dim]
			for i := range v {
				v[i] = 1
			}
			if got := csrc.KernelDistance(kernel, csrc.L2, v, v); got != 0 {
				t.Fatalf("l2 of dimension %d of equal vectors = %v, want 0", dim, got)
			}
			if got, want := csrc.KernelDistance(kernel, csrc.IP, v, v), float32(1-dim); got != want {
				t.Fatalf("ip of %d ones = %v, want %v", dim, got, want)
			}
		}
	})
}

func TestKernelsAreSymmetric(t *testing.T) {
	const seed = 8
	eachKernel(t, func(t *testing.T, kernel int) {
		r := rand.New(rand.NewPCG(seed, 0))
		for _, dim := range []int{1, 17, 100, 384} {
			a, b := randomVector(r, dim), randomVector(r, dim)
			for _, s := range spaces {
				ab, ba := csrc.KernelDistance(kernel, s.space, a, b), csrc.KernelDistance(kernel, s.space, b, a)
				if ab != ba {
					t.Errorf("seed %d: %s of dimension %d: d(a,b) = %v, d(b,a) = %v", seed, s.name, dim, ab, ba)
				}
			}
		}
	})
}

// tolerance bounds the rounding of a float32 sum: each of the terms, and of the
// up to len(a)/4+4 additions that a running sum sees, errs by half a unit in the
// last place of something no larger than the sum of the terms' sizes.
func tolerance(a, b []float32) float64 {
	sizes := 1.0
	for i := range a {
		d := math.Abs(float64(a[i])) + math.Abs(float64(b[i]))
		sizes += d * d
	}
	return sizes * float64(len(a)/4+8) * 0x1p-24
}

func randomVector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func BenchmarkKernels(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 0))
	for _, dim := range []int{128, 384, 768} {
		x, y := randomVector(r, dim), randomVector(r, dim)
		for i := range csrc.KernelCount() {
			if !csrc.KernelUsable(i) {
				continue
			}
			for _, s := range spaces {
				b.Run(fmt.Sprintf("%s/%s/%d", csrc.KernelName(i), s.name, dim), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						csrc.KernelDistance(i, s.space, x, y)
					}
				})
			}
		}
	}
}
