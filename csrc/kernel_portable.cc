#include "kernel_list.h"

namespace minnow {
namespace {

// Independent accumulators let the compiler use the baseline's vectors: it may
// not reorder a single running float sum.
constexpr size_t lanes = 16;

float sum_of(const float (&acc)[lanes]) {
  float s = 0;
  for (size_t j = 0; j < lanes; j++) s += acc[j];
  return s;
}

}  // namespace

float l2_portable(const void *pa, const void *pb, const void *pd) {
  const float *a = floats(pa), *b = floats(pb);
  const size_t n = dim_of(pd);
  float acc[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (size_t j = 0; j < lanes; j++) {
      const float d = a[i + j] - b[i + j];
      acc[j] += d * d;
    }
  }
  for (size_t j = 0; i < n; i++, j++) {
    const float d = a[i] - b[i];
    acc[j] += d * d;
  }
  return sum_of(acc);
}

float ip_portable(const void *pa, const void *pb, const void *pd) {
  const float *a = floats(pa), *b = floats(pb);
  const size_t n = dim_of(pd);
  float acc[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (size_t j = 0; j < lanes; j++) acc[j] += a[i + j] * b[i + j];
  }
  for (size_t j = 0; i < n; i++, j++) acc[j] += a[i] * b[i];
  return 1.0f - sum_of(acc);
}

}  // namespace minnow
