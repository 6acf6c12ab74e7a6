package csrc

/*
#cgo noescape hnsw_kernel_distance
#cgo nocallback hnsw_kernel_distance
#include "hnsw.h"
*/
import "C"

// KernelCount is hnsw_kernel_count.
func KernelCount() int { return int(C.hnsw_kernel_count()) }

// KernelName is hnsw_kernel_name.
func KernelName(i int) string { return C.GoString(C.hnsw_kernel_name(C.size_t(i))) }

// KernelUsable is hnsw_kernel_usable.
func KernelUsable(i int) bool { return C.hnsw_kernel_usable(C.size_t(i)) != 0 }

// KernelBest is hnsw_kernel_best.
func KernelBest() int { return int(C.hnsw_kernel_best()) }

// KernelDistance is hnsw_kernel_distance.
func KernelDistance(i, space int, a, b []float32) float32 {
	return float32(C.hnsw_kernel_distance(C.size_t(i), C.int32_t(space), floats(a), floats(b), C.size_t(len(a))))
}
