// Loops that kernel_portable.cc, kernel_x86.cc and so on compile each for its own
// instruction sets: of these the compiler makes vectors by itself, if it is told
// which there are. Included with MINNOW_SET, a namespace, and MINNOW_TARGET, the attribute of the set.
//
// Sums and greatest values run in lanes, as the compiler may not reorder a single
// running sum. So sets agree to the bit, but where one of them fuses a
// multiplication and an addition; whole numbers are the same in all.
#include <algorithm>
#include <cstring>

#include "kernel_list.h"

namespace minnow::MINNOW_SET {
namespace {

// The nearest whole number, for |x| < 2^22: an addition that leaves no room for
// the rest. The compiler makes vectors of it, which it does not of lrintf.
MINNOW_TARGET inline float whole(float x) {
  constexpr float big = 12582912.0f;  // 1.5 * 2^23
  return (x + big) - big;
}

// Sixteen floats at a time. Written as a vector, since of arrays of lanes gcc 12 makes moves of single floats.
typedef float lanes __attribute__((vector_size(64)));
constexpr size_t lane_count = sizeof(lanes) / sizeof(float);

// Takes n floats, and zeros. A size that the compiler knows is one load. Not by
// return: how a vector of a size that a set lacks is returned, is no settled matter.
MINNOW_TARGET inline void load(const float *p, size_t n, lanes &x) {
  if (n == lane_count) {
    memcpy(&x, p, sizeof x);
  } else {
    x = lanes{};
    memcpy(&x, p, n * sizeof(float));
  }
}

MINNOW_TARGET inline void store(const lanes &x, float *p, size_t n) {
  if (n == lane_count) {
    memcpy(p, &x, sizeof x);
  } else {
    memcpy(p, &x, n * sizeof(float));
  }
}

// Codes of a row, as dot8 or dot4 has them: 64 from a multiple of 64 on.
struct packed {
  static constexpr size_t size = 64;

  const uint8_t *c;
  int shift;
  uint8_t mask;

  MINNOW_TARGET packed(const uint8_t *row, int bits, size_t from)
      : c(bits == 8 ? row + from : row + from / (2 * size) * size),
        shift(bits == 4 && from / size % 2 ? 4 : 0),
        mask(bits == 8 ? 255 : 15) {}

  MINNOW_TARGET float at(size_t j) const { return static_cast<float>(c[j] >> shift & mask); }
};

MINNOW_TARGET inline float sum(const lanes &x) {
  float s = 0;
  for (size_t i = 0; i < lane_count; i++) s += x[i];
  return s;
}

}  // namespace

MINNOW_TARGET weighed weigh(const float *v, float factor, const float *mean, const float *step, size_t dim, float *out) {
  lanes most{}, squares{};
  for (size_t from = 0; from < dim; from += lane_count) {
    const size_t n = std::min(lane_count, dim - from);
    lanes y, m, s;
    load(v + from, n, y);
    load(mean + from, n, m);
    load(step + from, n, s);
    y = y * factor - m;
    const lanes w = y * s, size = w > -w ? w : -w;
    most = size > most ? size : most;
    squares += y * y;
    store(w, out + from, n);
  }
  weighed all{};
  for (size_t i = 0; i < lane_count; i++) all.most = std::max(all.most, most[i]);
  all.squares = sum(squares);
  return all;
}

MINNOW_TARGET fit judge(const float *v, const float *told, const float *mean, size_t dim) {
  lanes of_told{}, of_all{}, of_lost{};
  for (size_t from = 0; from < dim; from += lane_count) {
    const size_t n = std::min(lane_count, dim - from);
    lanes m, is, tells;
    load(mean + from, n, m);
    load(v + from, n, is);
    load(told + from, n, tells);
    is -= m;
    tells -= m;
    of_told += tells * tells;
    of_all += is * is;
    of_lost += (is - tells) * (is - tells);
  }
  return {sum(of_told), sum(of_all), sum(of_lost)};
}

MINNOW_TARGET int32_t round(const float *w, float scale, size_t dim, int8_t *out) {
  int32_t sum = 0;
  for (size_t j = 0; j < dim; j++) {
    const int32_t x = static_cast<int32_t>(whole(w[j] * scale));
    out[j] = static_cast<int8_t>(x);
    sum += x;
  }
  return sum;
}

MINNOW_TARGET void encode(const float *v, const float *mean, const float *inverse, size_t dim, code_range r,
                          uint8_t *out) {
  for (size_t j = 0; j < dim; j++) {
    const float x = std::min(std::max(whole((v[j] - mean[j]) * inverse[j] + r.centre), r.least), r.most);
    out[j] = static_cast<uint8_t>(static_cast<int32_t>(x));
  }
}

MINNOW_TARGET void decode(const uint8_t *row, int bits, const float *mean, const float *step, size_t dim, float centre,
                          float *out) {
  for (size_t from = 0; from < dim; from += packed::size) {
    const packed c(row, bits, from);
    const size_t n = std::min(packed::size, dim - from);
    for (size_t j = 0; j < n; j++) out[from + j] = mean[from + j] + step[from + j] * (c.at(j) - centre);
  }
}

MINNOW_TARGET int32_t reweigh(const uint8_t *row, int bits, const float *weight, size_t dim, float centre,
                              int8_t *out) {
  int32_t sum = 0;
  for (size_t from = 0; from < dim; from += packed::size) {
    const packed c(row, bits, from);
    const size_t n = std::min(packed::size, dim - from);
    for (size_t j = 0; j < n; j++) {
      const int32_t x = static_cast<int32_t>(whole(weight[from + j] * (c.at(j) - centre)));
      out[from + j] = static_cast<int8_t>(x);
      sum += x;
    }
  }
  return sum;
}

}  // namespace minnow::MINNOW_SET

#undef MINNOW_SET
#undef MINNOW_TARGET
