// Distance kernels, picked at run time so that one portable binary is fast
// everywhere. Upstream's own are chosen by compiler flags instead.
#pragma once

#include <cstddef>

namespace minnow {

// Upstream's DISTFUNC<float>: two vectors and a pointer to their dimension,
// a size_t. Vectors need no alignment beyond float's.
using distance_fn = float (*)(const void *a, const void *b, const void *dim);

struct kernel {
  const char *name;
  bool (*usable)();
  distance_fn l2;  // sum of (a-b)^2
  distance_fn ip;  // 1 - sum of a*b
};

// Kernels of this architecture, best first; the last is usable anywhere.
size_t kernel_count() noexcept;
const kernel &kernel_at(size_t i) noexcept;

// The one in use: the first usable one, or that which MINNOW_KERNEL names in
// the environment if it is usable. It stays the same as long as the process.
size_t best_kernel_index() noexcept;
const kernel &best_kernel() noexcept;

}  // namespace minnow
