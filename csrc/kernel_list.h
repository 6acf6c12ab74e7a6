// What kernel.cc's table is made of: for kernel*.cc alone.
#pragma once

#include <type_traits>

#include "kernel.h"

namespace minnow {

inline const float *floats(const void *p) { return static_cast<const float *>(p); }
inline size_t dim_of(const void *p) { return *static_cast<const size_t *>(p); }

using distance = std::remove_pointer_t<distance_fn>;

distance l2_portable, ip_portable;

#if defined(__x86_64__)
bool has_avx512();
distance l2_avx512, ip_avx512;

bool has_avx2();
distance l2_avx2, ip_avx2;
#elif defined(__aarch64__)
distance l2_neon, ip_neon;
#endif

}  // namespace minnow
