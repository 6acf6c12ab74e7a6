package hnswlib

import (
	"fmt"
	"os"
	"strings"

	"github.com/minnow-search/minnow/csrc"
)

// kernelVariable names a kernel in the environment.
const kernelVariable = "MINNOW_KERNEL"

// Kernel is the name of the code that computes distances in this process:
// avx512vnni, avx512, avx2 or portable on x86-64, neondot, neon or portable on
// arm64. It is the best that the processor has, or the one that the environment
// variable MINNOW_KERNEL names, to measure or to rule out the others. A name
// that is not among the processor's is [ErrConfig], here and in whatever makes
// an index.
func Kernel() (string, error) {
	best := csrc.KernelName(csrc.KernelBest())
	wanted := os.Getenv(kernelVariable)
	if wanted == "" || wanted == best {
		return best, nil
	}
	var usable []string
	for i := range csrc.KernelCount() {
		if csrc.KernelUsable(i) {
			usable = append(usable, csrc.KernelName(i))
		}
	}
	return best, fmt.Errorf("%w: %s is %q, and this processor has %s", ErrConfig, kernelVariable, wanted, strings.Join(usable, ", "))
}
