package csrc

/*
#cgo noescape hnsw_kernel_distance
#cgo nocallback hnsw_kernel_distance
#cgo noescape hnsw_kernel_dot
#cgo nocallback hnsw_kernel_dot
#include "hnsw.h"
*/
import "C"

import "unsafe"

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

// KernelDot is hnsw_kernel_dot for len(ids) rows.
func KernelDot(i, bits int, codes []byte, lines int, ids []uint32, query []int8, out []int32) {
	C.hnsw_kernel_dot(C.size_t(i), C.int32_t(bits), (*C.uint8_t)(unsafe.SliceData(codes)), C.size_t(lines),
		(*C.uint32_t)(unsafe.SliceData(ids)), C.size_t(len(ids)), (*C.int8_t)(unsafe.SliceData(query)),
		(*C.int32_t)(unsafe.SliceData(out)))
}
