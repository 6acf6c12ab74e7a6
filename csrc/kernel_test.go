package csrc_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

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

// Codes and queries at which a kernel would overflow first, and others.
var (
	codeKinds = []struct {
		name string
		code func(r *rand.Rand, most int) int
	}{
		{"random codes", func(r *rand.Rand, most int) int { return 1 + r.IntN(most) }},
		{"the largest codes", func(_ *rand.Rand, most int) int { return most }},
		{"the smallest codes", func(_ *rand.Rand, most int) int { return most >> 7 }}, // 1 of 8 bits, 0 of 4
		{"codes of 1", func(*rand.Rand, int) int { return 1 }},
		{"extreme codes", func(r *rand.Rand, most int) int { return 1 + r.IntN(2)*(most-1) }},
	}
	queryKinds = []struct {
		name   string
		number func(r *rand.Rand, j int) int
	}{
		{"a random query", func(r *rand.Rand, _ int) int { return r.IntN(255) - 127 }},
		{"the largest query", func(*rand.Rand, int) int { return 127 }},
		{"the smallest query", func(*rand.Rand, int) int { return -127 }},
		{"an alternating query", func(_ *rand.Rand, j int) int { return 127 - j%2*254 }},
	}
)

func TestDotProductsAreExact(t *testing.T) {
	const seed, rows = 9, 7
	dims := []int{384, 768, 1536, 65536}
	for dim := 1; dim <= 130; dim++ {
		dims = append(dims, dim)
	}
	eachKernel(t, func(t *testing.T, kernel int) {
		r := rand.New(rand.NewPCG(seed, 0))
		for _, dim := range dims {
			for _, bits := range []int{8, 4} {
				for _, c := range codeKinds {
					for _, q := range queryKinds {
						table := newCodeTable(r, bits, dim, rows, c.code, q.number)
						if err := table.check(r, kernel); err != nil {
							t.Fatalf("seed %d: %s and %s of dimension %d, %d bits: %v", seed, c.name, q.name, dim, bits, err)
						}
					}
				}
			}
		}
	})
}

// codeTable is rows of codes and a query as kernels take them, and the dot products that they have.
type codeTable struct {
	bits, lines int
	codes       []byte
	query       []int8
	want        []int32
}

// newCodeTable has the numbers that code and number give in dim places. Beyond them the query is 0, and the codes are anything.
func newCodeTable(r *rand.Rand, bits, dim, rows int, code func(*rand.Rand, int) int, number func(*rand.Rand, int) int) codeTable {
	most, inLine := 1<<bits-1, 512/bits
	lines := (dim + inLine - 1) / inLine
	t := codeTable{bits, lines, aligned[byte](rows * lines * 64), aligned[int8](lines * inLine), make([]int32, rows)}
	for j := range dim {
		t.query[j] = int8(number(r, j))
	}
	for row := range rows {
		var sum int64
		for j := range lines * inLine {
			c := r.IntN(most + 1)
			if j < dim {
				c = code(r, most)
			}
			sum += int64(c) * int64(t.query[j])
			line := t.codes[(row*lines+j/inLine)*64:]
			line[j%64] |= byte(c << (j % inLine / 64 * bits))
		}
		t.want[row] = int32(sum)
	}
	return t
}

// check asks the kernel for 0 to 9 rows in any order, some of them more than once.
func (t codeTable) check(r *rand.Rand, kernel int) error {
	const untouched = -0x5eed
	for n := range 10 {
		ids, out := make([]uint32, n), make([]int32, n+16)
		for i := range ids {
			ids[i] = uint32(r.IntN(len(t.want)))
		}
		for i := range out {
			out[i] = untouched
		}
		csrc.KernelDot(kernel, t.bits, t.codes, t.lines, ids, t.query, out[8:])
		for i, got := range out {
			want := int32(untouched)
			if i >= 8 && i < 8+n {
				want = t.want[ids[i-8]]
			}
			if got != want {
				return fmt.Errorf("out[%d] for rows %v = %d, want %d", i-8, ids, got, want)
			}
		}
	}
	return nil
}

// aligned returns n numbers on a cache line.
func aligned[T byte | int8](n int) []T {
	b := make([]T, n+63)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % 64
	return b[skip:][:n:n]
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

func BenchmarkCodeKernels(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 0))
	ids, out := make([]uint32, 32), make([]int32, 32)
	for i := range ids {
		ids[i] = uint32(r.IntN(64))
	}
	for _, dim := range []int{128, 384, 768} {
		for _, bits := range []int{8, 4} {
			t := newCodeTable(r, bits, dim, 64, codeKinds[0].code, queryKinds[0].number)
			for i := range csrc.KernelCount() {
				if !csrc.KernelUsable(i) {
					continue
				}
				b.Run(fmt.Sprintf("%s/dot%d/%d", csrc.KernelName(i), bits, dim), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						csrc.KernelDot(i, bits, t.codes, t.lines, ids, t.query, out)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/row")
				})
			}
		}
	}
}
