// Sixteen floats, in the registers of an instruction set: the words in which loops.h, which comes behind, is written. Included
// with MINNOW_SET, a namespace, MINNOW_TARGET, the attribute of the set, and MINNOW_BYTES, the size of its registers: 64, 32 or 16.
//
// Every processor gets the same bits, so that vectors made on one can be compared with those of another: a rounding that
// turns out differently moves a number by a whole step of 8 bits, and six layers make of one such step as much as int8 loses at
// all. So sums run in 16 lanes whatever the set, and no multiplication is fused with an addition.
//
// Sixteen are a register, twice half as many, or twice twice a quarter: gcc 12 keeps a vector that is larger than a register in
// memory, and an array of registers too. They go by reference, as how they are passed is no settled matter.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

#define MINNOW_INLINE MINNOW_TARGET inline __attribute__((always_inline))

namespace minnow::encoder::MINNOW_SET {
namespace {

typedef float part __attribute__((vector_size(MINNOW_BYTES)));
typedef int32_t int_part __attribute__((vector_size(MINNOW_BYTES)));

template <class T>
struct twice {
  T low, high;
};

#if MINNOW_BYTES == 64
typedef part lanes;
#elif MINNOW_BYTES == 32
typedef twice<part> lanes;
#else
typedef twice<twice<part>> lanes;
#endif
constexpr size_t width = 16;
static_assert(sizeof(lanes) == width * sizeof(float));

#define MINNOW_OPERATOR(op)                                                   \
  template <class T>                                                          \
  MINNOW_INLINE twice<T> operator op(const twice<T> &a, const twice<T> &b) {  \
    return {a.low op b.low, a.high op b.high};                                \
  }                                                                           \
  template <class T>                                                          \
  MINNOW_INLINE twice<T> operator op(const twice<T> &a, float b) {            \
    return {a.low op b, a.high op b};                                         \
  }
MINNOW_OPERATOR(+)
MINNOW_OPERATOR(-)
MINNOW_OPERATOR(*)
MINNOW_OPERATOR(/)
#undef MINNOW_OPERATOR

MINNOW_INLINE void fill(float v, part &x) { x = v - part{}; }
template <class T>
MINNOW_INLINE void fill(float v, twice<T> &x) {
  fill(v, x.low);
  fill(v, x.high);
}

MINNOW_INLINE void load(const float *p, part &x) { memcpy(&x, p, sizeof x); }
template <class T>
MINNOW_INLINE void load(const float *p, twice<T> &x) {
  load(p, x.low);
  load(p + sizeof(T) / sizeof *p, x.high);
}

// Whole numbers, as floats.
MINNOW_INLINE void load(const int32_t *p, part &x) {
  int_part i;
  memcpy(&i, p, sizeof i);
  x = __builtin_convertvector(i, part);
}
template <class T>
MINNOW_INLINE void load(const int32_t *p, twice<T> &x) {
  load(p, x.low);
  load(p + sizeof(T) / sizeof *p, x.high);
}

MINNOW_INLINE void store(const part &x, float *p) { memcpy(p, &x, sizeof x); }
template <class T>
MINNOW_INLINE void store(const twice<T> &x, float *p) {
  store(x.low, p);
  store(x.high, p + sizeof(T) / sizeof *p);
}

// x = the larger of x and y; and the smaller.
MINNOW_INLINE void raise(const part &y, part &x) { x = x > y ? x : y; }
template <class T>
MINNOW_INLINE void raise(const twice<T> &y, twice<T> &x) {
  raise(y.low, x.low);
  raise(y.high, x.high);
}
MINNOW_INLINE void lower(const part &y, part &x) { x = x < y ? x : y; }
template <class T>
MINNOW_INLINE void lower(const twice<T> &y, twice<T> &x) {
  lower(y.low, x.low);
  lower(y.high, x.high);
}

MINNOW_INLINE void clamp(float least, float most, lanes &x) {
  lanes bound;
  fill(least, bound);
  raise(bound, x);
  fill(most, bound);
  lower(bound, x);
}

// x·2^n, where n is a whole number plus 1.5·2^23, in the lowest bits of which it is.
MINNOW_INLINE void shift(const part &n, part &x) {
  int_part power, i;
  memcpy(&power, &n, sizeof n);
  memcpy(&i, &x, sizeof x);
  i += power << 23;
  memcpy(&x, &i, sizeof x);
}
template <class T>
MINNOW_INLINE void shift(const twice<T> &n, twice<T> &x) {
  shift(n.low, x.low);
  shift(n.high, x.high);
}

// Halves are joined, then quarters, and so on: in the same order in every set.
typedef float quarter __attribute__((vector_size(16)));
MINNOW_INLINE float sum(const quarter &x) { return (x[0] + x[2]) + (x[1] + x[3]); }
MINNOW_INLINE float greatest(const quarter &x) { return std::max(std::max(x[0], x[2]), std::max(x[1], x[3])); }

#if MINNOW_BYTES >= 32
typedef float half __attribute__((vector_size(32)));
MINNOW_INLINE void split(const half &x, quarter &low, quarter &high) {
  low = __builtin_shufflevector(x, x, 0, 1, 2, 3);
  high = __builtin_shufflevector(x, x, 4, 5, 6, 7);
}
MINNOW_INLINE float sum(const half &x) {
  quarter low, high;
  split(x, low, high);
  return sum(low + high);
}
MINNOW_INLINE float greatest(const half &x) {
  quarter low, high;
  split(x, low, high);
  return greatest(low > high ? low : high);
}
#endif

#if MINNOW_BYTES == 64
MINNOW_INLINE void split(const part &x, half &low, half &high) {
  low = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7);
  high = __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
}
MINNOW_INLINE float sum(const part &x) {
  half low, high;
  split(x, low, high);
  return sum(low + high);
}
MINNOW_INLINE float greatest(const part &x) {
  half low, high;
  split(x, low, high);
  return greatest(low > high ? low : high);
}
#endif

template <class T>
MINNOW_INLINE float sum(const twice<T> &x) {
  return sum(x.low + x.high);
}
template <class T>
MINNOW_INLINE float greatest(const twice<T> &x) {
  T larger = x.low;
  raise(x.high, larger);
  return greatest(larger);
}

}  // namespace
}  // namespace minnow::encoder::MINNOW_SET
