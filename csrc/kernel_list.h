// What kernel.cc's table is made of: for kernel*.cc alone.
#pragma once

#include <type_traits>

#include "kernel.h"

namespace minnow {

inline const float *floats(const void *p) { return static_cast<const float *>(p); }
inline size_t dim_of(const void *p) { return *static_cast<const size_t *>(p); }

// The four rows that a dot product takes side by side: their chains of sums hide each other's latency, and share
// what is made of the query.
//
// This and the loops are written for gcc 12. Of arrays of rows or sums it makes
// vectors of pointers and a stack frame, and where a loop may run no times, as
// `for` does, it copies every sum each time round. Either costs a third of the time.
struct dot_rows {
  const uint8_t *a, *b, *c, *d;

  dot_rows(const uint8_t *codes, size_t lines, const uint32_t *ids)
      : a(codes + ids[0] * lines * 64),
        b(codes + ids[1] * lines * 64),
        c(codes + ids[2] * lines * 64),
        d(codes + ids[3] * lines * 64) {}
};

using distance = std::remove_pointer_t<distance_fn>;
using dot = std::remove_pointer_t<dot_fn>;

// The loops of kernel_loops.h, for one instruction set.
#define MINNOW_LOOPS(set)                    \
  namespace set {                            \
  std::remove_pointer_t<weigh_fn> weigh;     \
  std::remove_pointer_t<round_fn> round;     \
  std::remove_pointer_t<encode_fn> encode;   \
  std::remove_pointer_t<decode_fn> decode;   \
  std::remove_pointer_t<reweigh_fn> reweigh; \
  std::remove_pointer_t<fit_fn> judge;       \
  }
MINNOW_LOOPS(baseline)
#if defined(__x86_64__)
MINNOW_LOOPS(avx512)
MINNOW_LOOPS(avx2)
#endif
#undef MINNOW_LOOPS

distance l2_portable, ip_portable;
dot dot8_portable, dot4_portable;

#if defined(__x86_64__)
bool has_avx512vnni();
dot dot8_avx512vnni, dot4_avx512vnni;

bool has_avx512();
distance l2_avx512, ip_avx512;
dot dot8_avx512, dot4_avx512;

bool has_avx2();
distance l2_avx2, ip_avx2;
dot dot8_avx2, dot4_avx2;
#elif defined(__aarch64__)
bool has_neondot();
dot dot8_neondot, dot4_neondot;

distance l2_neon, ip_neon;
dot dot8_neon, dot4_neon;
#endif

}  // namespace minnow
