// Distance kernels, picked at run time so that one portable binary is fast
// everywhere. Upstream's own are chosen by compiler flags instead.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace minnow {

// Upstream's DISTFUNC<float>: two vectors and a pointer to their dimension,
// a size_t. Vectors need no alignment beyond float's.
using distance_fn = float (*)(const void *a, const void *b, const void *dim);

// out[i] = sum over j of code j of row ids[i] times query[j], exactly: every
// kernel gives the same integers. Row r starts at codes + r*lines*64, on a cache
// line, as query does. There are 1 to 1024 lines, so no int32 overflows. n is a multiple of 4.
using dot_fn = void (*)(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                        int32_t *out);

// Scales what a multiple of v differs from mean by to the steps of codes:
// out[j] = y[j]*step[j] with y[j] = factor*v[j] - mean[j].
struct weighed {
  float most;     // the greatest |out[j]|
  float squares;  // sum of y[j]^2
};
using weigh_fn = weighed (*)(const float *v, float factor, const float *mean, const float *step, size_t dim, float *out);

// out[j] = the whole number nearest to w[j]*scale, which is in -127..127; returns their sum.
using round_fn = int32_t (*)(const float *w, float scale, size_t dim, int8_t *out);

// Codes v, one byte a component whatever their width: out[j] = the whole number
// nearest to (v[j] - mean[j])*inverse[j] + centre, within least and most.
struct code_range {
  float centre, least, most;
};
using encode_fn = void (*)(const float *v, const float *mean, const float *inverse, size_t dim, code_range r, uint8_t *out);

// Tells what codes stand for: out[j] = mean[j] + step[j]*(c[j] - centre), with
// the codes in row as dot8 or dot4 has them.
using decode_fn = void (*)(const uint8_t *row, int bits, const float *mean, const float *step, size_t dim, float centre,
                           float *out);

// Makes a query's numbers of a row of codes: out[j] = the whole number nearest to
// weight[j]*(c[j] - centre), which is in -127..127; returns their sum.
using reweigh_fn = int32_t (*)(const uint8_t *row, int bits, const float *weight, size_t dim, float centre,
                               int8_t *out);

// How well told stands for v: squared lengths from mean, of told and of v, and of their difference.
struct fit {
  float told, all, lost;
};
using fit_fn = fit (*)(const float *v, const float *told, const float *mean, size_t dim);

struct kernel {
  const char *name;
  bool (*usable)();
  distance_fn l2;  // sum of (a-b)^2
  distance_fn ip;  // 1 - sum of a*b
  // A byte a code, 64 a line; codes 1..255, any where query is 0. query has
  // lines*64 numbers in -127..127.
  dot_fn dot8;
  // A nibble a code, 128 a line: byte t of line j has code 128j+t in its low
  // nibble and 128j+64+t in its high one. query has lines*128 numbers in -127..127.
  dot_fn dot4;
  weigh_fn weigh;
  round_fn round;
  encode_fn encode;
  decode_fn decode;
  reweigh_fn reweigh;
  fit_fn judge;
};

// Kernels of this architecture, best first; the last is usable anywhere.
size_t kernel_count() noexcept;
const kernel &kernel_at(size_t i) noexcept;

// The one in use: the first usable one, or that which MINNOW_KERNEL names in
// the environment if it is usable. It stays the same as long as the process.
size_t best_kernel_index() noexcept;
const kernel &best_kernel() noexcept;

// Any number of rows by one that takes them in fours: the last of them again where some are missing. One at a time they
// would each wait for their own chain of sums, and a branch that nobody can foresee would lead there.
inline void dot_all(dot_fn dot, const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                    int32_t *out) {
  const size_t fours = n / 4 * 4;
  dot(codes, lines, ids, fours, query, out);
  if (fours == n) return;
  uint32_t last[4];
  int32_t sums[4];
  for (size_t i = 0; i < 4; i++) last[i] = ids[std::min(fours + i, n - 1)];
  dot(codes, lines, last, 4, query, sums);
  std::copy_n(sums, n - fours, out + fours);
}

}  // namespace minnow
