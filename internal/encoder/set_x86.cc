#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "set.h"

#define AVX512 __attribute__((target("avx512vl,avx512bw,avx512f,avx2,fma")))
#define AVX512VNNI __attribute__((target("avx512vnni,avx512vl,avx512bw,avx512f,avx2,fma")))
#define AVX2 __attribute__((target("avx2,fma")))

namespace minnow::encoder {

bool has_avx2() { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && has_avx2();
}
bool has_avx512vnni() { return __builtin_cpu_supports("avx512vnni") != 0 && has_avx512(); }

namespace {

// Four numbers of a row, for each output.
AVX512 inline __m512i four512(const uint8_t *a) {
  int32_t v;
  memcpy(&v, a, sizeof v);
  return _mm512_set1_epi32(v);
}

AVX2 inline __m256i four256(const uint8_t *a) {
  int32_t v;
  memcpy(&v, a, sizeof v);
  return _mm256_set1_epi32(v);
}

// sum += a·w. In assembly, since gcc 12 copies each sum round after round where it is an intrinsic: 86 multiplications
// a ns instead of 225.
AVX512VNNI inline void add(__m512i &sum, __m512i a, __m512i w) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(w));
}

AVX2 inline void add(__m256i &sum, __m256i a, __m256i w) {
  // No pair of codes adds up to more than 128, so no pair of products to more than 16 bits hold.
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, w), _mm256_set1_epi16(1)));
}

struct sums512 {
  __m512i a, b, c, d;
};

AVX512VNNI inline void add(sums512 &sum, const uint8_t *a, __m512i w0, __m512i w1, __m512i w2, __m512i w3) {
  const __m512i x = four512(a);
  add(sum.a, x, w0);
  add(sum.b, x, w1);
  add(sum.c, x, w2);
  add(sum.d, x, w3);
}

AVX512 inline void store(const sums512 &sum, int32_t *acc) {
  _mm512_store_si512(acc, sum.a);
  _mm512_store_si512(acc + 16, sum.b);
  _mm512_store_si512(acc + 32, sum.c);
  _mm512_store_si512(acc + 48, sum.d);
}

// All 64 outputs of some rows: 24 sums stay in registers, which is what hides a multiplication's latency and lets four loads of
// codes do for 24 multiplications.
template <size_t rows>
AVX512VNNI void tile512(const uint8_t *a, size_t stride, const int8_t *w, size_t groups, const int32_t *start, int32_t *acc) {
  const sums512 first{_mm512_loadu_si512(start), _mm512_loadu_si512(start + 16), _mm512_loadu_si512(start + 32),
                      _mm512_loadu_si512(start + 48)};
  sums512 s0 = first, s1 = first, s2 = first, s3 = first, s4 = first, s5 = first;
  const int8_t *const end = w + groups * 4 * panel_width;
  do {
    const __m512i w0 = _mm512_load_si512(w), w1 = _mm512_load_si512(w + 64), w2 = _mm512_load_si512(w + 128),
                  w3 = _mm512_load_si512(w + 192);
    add(s0, a, w0, w1, w2, w3);
    if constexpr (rows > 1) add(s1, a + stride, w0, w1, w2, w3);
    if constexpr (rows > 2) add(s2, a + 2 * stride, w0, w1, w2, w3);
    if constexpr (rows > 3) add(s3, a + 3 * stride, w0, w1, w2, w3);
    if constexpr (rows > 4) add(s4, a + 4 * stride, w0, w1, w2, w3);
    if constexpr (rows > 5) add(s5, a + 5 * stride, w0, w1, w2, w3);
    w += 4 * panel_width;
    a += 4;
  } while (w != end);
  store(s0, acc);
  if constexpr (rows > 1) store(s1, acc + panel_width);
  if constexpr (rows > 2) store(s2, acc + 2 * panel_width);
  if constexpr (rows > 3) store(s3, acc + 3 * panel_width);
  if constexpr (rows > 4) store(s4, acc + 4 * panel_width);
  if constexpr (rows > 5) store(s5, acc + 5 * panel_width);
}

// Sixteen outputs of some rows.
template <size_t rows>
AVX2 void tile256(const uint8_t *a, size_t stride, const int8_t *w, size_t groups, const int32_t *start, int32_t *acc) {
  const __m256i first0 = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(start)),
                first1 = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(start + 8));
  __m256i s0 = first0, t0 = first1, s1 = first0, t1 = first1, s2 = first0, t2 = first1;
  const int8_t *const end = w + groups * 4 * panel_width;
  do {
    const __m256i w0 = _mm256_load_si256(reinterpret_cast<const __m256i *>(w)),
                  w1 = _mm256_load_si256(reinterpret_cast<const __m256i *>(w + 32));
    const __m256i x0 = four256(a);
    add(s0, x0, w0);
    add(t0, x0, w1);
    if constexpr (rows > 1) {
      const __m256i x = four256(a + stride);
      add(s1, x, w0);
      add(t1, x, w1);
    }
    if constexpr (rows > 2) {
      const __m256i x = four256(a + 2 * stride);
      add(s2, x, w0);
      add(t2, x, w1);
    }
    w += 4 * panel_width;
    a += 4;
  } while (w != end);
  const auto store = [](int32_t *to, __m256i s, __m256i t) AVX2 {
    _mm256_store_si256(reinterpret_cast<__m256i *>(to), s);
    _mm256_store_si256(reinterpret_cast<__m256i *>(to + 8), t);
  };
  store(acc, s0, t0);
  if constexpr (rows > 1) store(acc + panel_width, s1, t1);
  if constexpr (rows > 2) store(acc + 2 * panel_width, s2, t2);
}

}  // namespace

void tile_avx512vnni(const uint8_t *a, size_t stride, size_t rows, const int8_t *w, size_t groups, const int32_t *start,
                     int32_t *acc) {
  static constexpr rows_fn kernels[tile_rows] = {tile512<1>, tile512<2>, tile512<3>, tile512<4>, tile512<5>, tile512<6>};
  kernels[rows - 1](a, stride, w, groups, start, acc);
}

void tile_avx2(const uint8_t *a, size_t stride, size_t rows, const int8_t *w, size_t groups, const int32_t *start, int32_t *acc) {
  static constexpr rows_fn kernels[] = {tile256<1>, tile256<2>, tile256<3>};
  tile_by_parts(kernels, a, stride, rows, w, groups, start, acc);
}

}  // namespace minnow::encoder

#define MINNOW_SET avx512
#define MINNOW_TARGET AVX512
#define MINNOW_BYTES 64
#include "lanes.h"
namespace minnow::encoder::avx512 {
namespace {

MINNOW_INLINE void narrow(const lanes &x, uint8_t *p) {
  // Masked, as the form without starts from an undefined register, of which gcc 12 warns.
  const __m128i bytes = _mm512_maskz_cvtepi32_epi8(0xFFFF, _mm512_castps_si512(x));
  memcpy(p, &bytes, sizeof bytes);
}

}  // namespace
}  // namespace minnow::encoder::avx512
#include "loops.h"

#define MINNOW_SET avx2
#define MINNOW_TARGET AVX2
#define MINNOW_BYTES 32
#include "lanes.h"
namespace minnow::encoder::avx2 {
namespace {

MINNOW_INLINE void narrow(const lanes &x, uint8_t *p) {
  const __m256i mask = _mm256_set1_epi32(255);
  const __m256i low = _mm256_and_si256(_mm256_castps_si256(x.low), mask);
  const __m256i high = _mm256_and_si256(_mm256_castps_si256(x.high), mask);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xD8);
  const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  memcpy(p, &bytes, sizeof bytes);
}

}  // namespace
}  // namespace minnow::encoder::avx2
#include "loops.h"

#endif
