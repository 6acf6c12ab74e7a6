// Loops that kernel_portable.cc, kernel_x86.cc and so on compile each for its own
// instruction sets: of these the compiler makes vectors by itself, if it is told
// which there are. Included with MINNOW_SET, a namespace, and MINNOW_TARGET, the attribute of the set.
//
// Sums and greatest values run in lanes, as the compiler may not reorder a single
// running sum. So sets agree to the bit, but where one of them fuses a
// multiplication and an addition; whole numbers are the same in all.
#include <algorithm>
#include <cmath>

#include "kernel_list.h"

namespace minnow::MINNOW_SET {
namespace {

// The nearest whole number, for |x| < 2^22: an addition that leaves no room for
// the rest. The compiler makes vectors of it, which it does not of lrintf.
MINNOW_TARGET inline float whole(float x) {
  constexpr float big = 12582912.0f;  // 1.5 * 2^23
  return (x + big) - big;
}

template <bool differ>
MINNOW_TARGET weighed weigh_all(const float *v, const float *mean, const float *step, size_t dim, float *out) {
  constexpr size_t lanes = 16;
  float most[lanes] = {}, squares[lanes] = {}, product[lanes] = {};
  for (size_t from = 0; from < dim; from += lanes) {
    const size_t n = std::min(lanes, dim - from);
    float y[lanes] = {}, m[lanes] = {}, s[lanes] = {};
    if (n == lanes) {
      for (size_t i = 0; i < lanes; i++) y[i] = v[from + i], m[i] = mean[from + i], s[i] = step[from + i];
    } else {
      for (size_t i = 0; i < n; i++) y[i] = v[from + i], m[i] = mean[from + i], s[i] = step[from + i];
    }
    float w[lanes];
    for (size_t i = 0; i < lanes; i++) {
      if (differ) y[i] -= m[i];
      w[i] = y[i] * s[i];
      most[i] = std::max(most[i], std::fabs(w[i]));
      squares[i] += w[i] * w[i];
      product[i] += y[i] * (differ ? y[i] : m[i]);
    }
    if (n == lanes) {
      for (size_t i = 0; i < lanes; i++) out[from + i] = w[i];
    } else {
      for (size_t i = 0; i < n; i++) out[from + i] = w[i];
    }
  }
  weighed all{};
  for (size_t i = 0; i < lanes; i++) {
    all.most = std::max(all.most, most[i]);
    all.squares += squares[i];
    all.product += product[i];
  }
  return all;
}

}  // namespace

MINNOW_TARGET weighed weigh(const float *v, const float *mean, const float *step, size_t dim, bool differ, float *out) {
  return differ ? weigh_all<true>(v, mean, step, dim, out) : weigh_all<false>(v, mean, step, dim, out);
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

}  // namespace minnow::MINNOW_SET

#undef MINNOW_SET
#undef MINNOW_TARGET
