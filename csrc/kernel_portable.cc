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

// Products of 16 bits, as the baseline multiplies and adds pairs of them in one instruction.
void dot8_portable(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                   int32_t *out) {
  for (size_t i = 0; i < n; i++) {
    const uint8_t *row = codes + ids[i] * lines * 64;
    int32_t sum = 0;
    for (size_t j = 0; j < lines * 64; j++) sum += static_cast<int16_t>(row[j]) * static_cast<int16_t>(query[j]);
    out[i] = sum;
  }
}

void dot4_portable(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                   int32_t *out) {
  for (size_t i = 0; i < n; i++) {
    const uint8_t *row = codes + ids[i] * lines * 64;
    int32_t sum = 0;
    for (size_t j = 0; j < lines; j++) {
      const uint8_t *c = row + j * 64;
      const int8_t *q = query + j * 128;
      for (size_t t = 0; t < 64; t++) {
        sum += static_cast<int16_t>(c[t] & 15) * static_cast<int16_t>(q[t]);
        sum += static_cast<int16_t>(c[t] >> 4) * static_cast<int16_t>(q[t + 64]);
      }
    }
    out[i] = sum;
  }
}

}  // namespace minnow

#define MINNOW_SET baseline
#define MINNOW_TARGET
#include "kernel_loops.h"
