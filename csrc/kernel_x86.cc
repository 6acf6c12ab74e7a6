#if defined(__x86_64__)
#include <immintrin.h>

#include "kernel_list.h"

// With the lesser sets named too, or gcc would call sum256 instead of inlining it: that costs a query 7 %.
#define AVX512VNNI __attribute__((target("avx512vnni,avx512vl,avx512bw,avx512f,avx2,fma")))
#define AVX512 __attribute__((target("avx512bw,avx512f,avx2,fma")))
#define AVX2 __attribute__((target("avx2,fma")))

namespace minnow {

bool has_avx2() { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 && has_avx2();
}
bool has_avx512vnni() {
  return __builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("avx512vl") != 0 && has_avx512();
}

namespace {

AVX2 inline float sum256(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  s = _mm_add_ss(s, _mm_shuffle_ps(s, s, 1));
  return _mm_cvtss_f32(s);
}

// With full masks, as the forms without one (_mm512_reduce_add_ps and the cast
// to the lower half too) start from an undefined register, of which gcc 12 warns.
AVX512 inline float sum512(__m512 v) {
  const __m256 low = _mm256_castpd_ps(_mm512_maskz_extractf64x4_pd(0xF, _mm512_castps_pd(v), 0));
  const __m256 high = _mm256_castpd_ps(_mm512_maskz_extractf64x4_pd(0xF, _mm512_castps_pd(v), 1));
  return sum256(_mm256_add_ps(low, high));
}

AVX2 inline __m128i folded(__m256i v) {
  return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

// Masked for the sake of gcc 12, as in sum512.
AVX512 inline __m256i folded(__m512i v) {
  return _mm256_add_epi32(_mm512_maskz_extracti64x4_epi64(0xF, v, 0), _mm512_maskz_extracti64x4_epi64(0xF, v, 1));
}

AVX512 inline __m512i added_pairs(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_maskz_unpacklo_epi32(0xFFFF, a, b), _mm512_maskz_unpackhi_epi32(0xFFFF, a, b));
}

AVX512 inline __m512i added_halves(__m512i a, __m512i b) {
  return _mm512_add_epi32(_mm512_maskz_unpacklo_epi64(0xFF, a, b), _mm512_maskz_unpackhi_epi64(0xFF, a, b));
}

AVX2 inline void store_sums(__m256i a, __m256i b, __m256i c, __m256i d, int32_t *out) {
  const __m256i v = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  _mm_storeu_si128(reinterpret_cast<__m128i *>(out), folded(v));
}

AVX512 inline void store_sums(__m512i a, __m512i b, __m512i c, __m512i d, int32_t *out) {
  const __m512i v = added_halves(added_pairs(a, b), added_pairs(c, d));
  _mm_storeu_si128(reinterpret_cast<__m128i *>(out), folded(folded(v)));
}

AVX512 inline __m512i load512(const void *p) { return _mm512_load_si512(p); }
AVX2 inline __m256i load256(const void *p) { return _mm256_load_si256(static_cast<const __m256i *>(p)); }

// vpmaddubsw multiplies unsigned by signed bytes, and saturates a pair's sum at
// 16 bits. With |q| for the unsigned ones, and codes c that become c - 128, or
// 127 - c where q is negative, a pair is at most 2 * 127 * 128 in size. Either
// is one xor with what turn makes. The excess is that of a row of zeros, so
// each row starts from minus that.
AVX2 inline __m256i turn(__m256i q) {
  return _mm256_xor_si256(_mm256_cmpgt_epi8(_mm256_setzero_si256(), q), _mm256_set1_epi8(-128));
}

AVX512 inline __m512i turn(__m512i q) {
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(q), _mm512_set1_epi8(-128), _mm512_set1_epi8(127));
}

AVX2 inline __m256i widened(__m256i pairs) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); }
AVX512 inline __m512i widened(__m512i pairs) { return _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)); }

AVX2 inline __m256i dot8_step(__m256i sum, __m256i size, __m256i codes) {
  return _mm256_add_epi32(sum, widened(_mm256_maddubs_epi16(size, codes)));
}

AVX512 inline __m512i dot8_step(__m512i sum, __m512i size, __m512i codes) {
  return _mm512_add_epi32(sum, widened(_mm512_maddubs_epi16(size, codes)));
}

// A pair of nibbles is at most 2 * 15 * 127, far from saturation: several are added before they are widened.
AVX512 inline __m512i dot4_step(__m512i sum, const uint8_t *line, __m512i q0, __m512i q1) {
  const __m512i c = load512(line), low = _mm512_set1_epi8(15);
  const __m512i pairs0 = _mm512_maddubs_epi16(_mm512_and_si512(c, low), q0);
  const __m512i pairs1 = _mm512_maddubs_epi16(_mm512_and_si512(_mm512_srli_epi16(c, 4), low), q1);
  return _mm512_add_epi32(sum, widened(_mm512_add_epi16(pairs0, pairs1)));
}

AVX2 inline __m256i dot4_step(__m256i sum, const uint8_t *line, __m256i q0, __m256i q1, __m256i q2, __m256i q3) {
  const __m256i c = load256(line), d = load256(line + 32), low = _mm256_set1_epi8(15);
  __m256i pairs = _mm256_maddubs_epi16(_mm256_and_si256(c, low), q0);
  pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(_mm256_and_si256(d, low), q1));
  pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(c, 4), low), q2));
  pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(d, 4), low), q3));
  return _mm256_add_epi32(sum, widened(pairs));
}

// The high nibbles stay where they are, which makes them 16 times as much: their sum is shifted once instead.
AVX512VNNI inline void dot4_step(__m512i &sum, __m512i &sum16, const uint8_t *line, __m512i q0, __m512i q1) {
  const __m512i c = load512(line);
  sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(c, _mm512_set1_epi8(15)), q0);
  sum16 = _mm512_dpbusd_epi32(sum16, _mm512_and_si512(c, _mm512_set1_epi8(-16)), q1);
}

AVX512 inline __m512i plus_16th(__m512i sum, __m512i sum16) {
  return _mm512_add_epi32(sum, _mm512_maskz_srai_epi32(0xFFFF, sum16, 4));
}

}  // namespace

AVX512 float l2_avx512(const void *pa, const void *pb, const void *pd) {
  const float *a = floats(pa), *b = floats(pb);
  const size_t n = dim_of(pd);
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const __m512 d0 = _mm512_sub_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
    const __m512 d1 = _mm512_sub_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
    const __m512 d2 = _mm512_sub_ps(_mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32));
    const __m512 d3 = _mm512_sub_ps(_mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48));
    s0 = _mm512_fmadd_ps(d0, d0, s0);
    s1 = _mm512_fmadd_ps(d1, d1, s1);
    s2 = _mm512_fmadd_ps(d2, d2, s2);
    s3 = _mm512_fmadd_ps(d3, d3, s3);
  }
  for (; i + 16 <= n; i += 16) {
    const __m512 d = _mm512_sub_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
    s0 = _mm512_fmadd_ps(d, d, s0);
  }
  if (i < n) {
    const __mmask16 m = static_cast<__mmask16>((1u << (n - i)) - 1);
    const __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i));
    s1 = _mm512_fmadd_ps(d, d, s1);
  }
  return sum512(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

AVX512 float ip_avx512(const void *pa, const void *pb, const void *pd) {
  const float *a = floats(pa), *b = floats(pb);
  const size_t n = dim_of(pd);
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
    s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), s1);
    s2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32), s2);
    s3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48), s3);
  }
  for (; i + 16 <= n; i += 16) {
    s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
  }
  if (i < n) {
    const __mmask16 m = static_cast<__mmask16>((1u << (n - i)) - 1);
    s1 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i), s1);
  }
  return 1.0f - sum512(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

AVX2 float l2_avx2(const void *pa, const void *pb, const void *pd) {
  const float *a = floats(pa), *b = floats(pb);
  const size_t n = dim_of(pd);
  __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256 d0 = _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
    const __m256 d1 = _mm256_sub_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
    const __m256 d2 = _mm256_sub_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16));
    const __m256 d3 = _mm256_sub_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24));
    s0 = _mm256_fmadd_ps(d0, d0, s0);
    s1 = _mm256_fmadd_ps(d1, d1, s1);
    s2 = _mm256_fmadd_ps(d2, d2, s2);
    s3 = _mm256_fmadd_ps(d3, d3, s3);
  }
  for (; i + 8 <= n; i += 8) {
    const __m256 d = _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
    s0 = _mm256_fmadd_ps(d, d, s0);
  }
  float tail = 0;
  for (; i < n; i++) {
    const float d = a[i] - b[i];
    tail += d * d;
  }
  return sum256(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3))) + tail;
}

AVX2 float ip_avx2(const void *pa, const void *pb, const void *pd) {
  const float *a = floats(pa), *b = floats(pb);
  const size_t n = dim_of(pd);
  __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
    s2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), s2);
    s3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), s3);
  }
  for (; i + 8 <= n; i += 8) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
  }
  float tail = 0;
  for (; i < n; i++) tail += a[i] * b[i];
  return 1.0f - (sum256(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3))) + tail);
}

AVX512VNNI inline void dot8_rows_avx512vnni(const uint8_t *codes, size_t lines, const uint32_t *ids,
                                            const int8_t *query, int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  do {
    const __m512i q = load512(query + at);
    a = _mm512_dpbusd_epi32(a, load512(row.a + at), q);
    b = _mm512_dpbusd_epi32(b, load512(row.b + at), q);
    c = _mm512_dpbusd_epi32(c, load512(row.c + at), q);
    d = _mm512_dpbusd_epi32(d, load512(row.d + at), q);
    at += 64;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

AVX512VNNI void dot8_avx512vnni(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                                int32_t *out) {
  for (size_t i = 0; i < n; i += 4) dot8_rows_avx512vnni(codes, lines, ids + i, query, out + i);
}

AVX512VNNI inline void dot4_rows_avx512vnni(const uint8_t *codes, size_t lines, const uint32_t *ids,
                                            const int8_t *query, int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  __m512i a16 = a, b16 = a, c16 = a, d16 = a;
  do {
    const __m512i q0 = load512(query + 2 * at), q1 = load512(query + 2 * at + 64);
    dot4_step(a, a16, row.a + at, q0, q1);
    dot4_step(b, b16, row.b + at, q0, q1);
    dot4_step(c, c16, row.c + at, q0, q1);
    dot4_step(d, d16, row.d + at, q0, q1);
    at += 64;
  } while (at < lines * 64);
  store_sums(plus_16th(a, a16), plus_16th(b, b16), plus_16th(c, c16), plus_16th(d, d16), out);
}

AVX512VNNI void dot4_avx512vnni(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                                int32_t *out) {
  for (size_t i = 0; i < n; i += 4) dot4_rows_avx512vnni(codes, lines, ids + i, query, out + i);
}

AVX512 inline void dot8_rows_avx512(const uint8_t *codes, size_t lines, const uint32_t *ids, const int8_t *query,
                                    __m512i start, int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  __m512i a = start, b = a, c = a, d = a;
  do {
    const __m512i q = load512(query + at), size = _mm512_abs_epi8(q), to = turn(q);
    a = dot8_step(a, size, _mm512_xor_si512(load512(row.a + at), to));
    b = dot8_step(b, size, _mm512_xor_si512(load512(row.b + at), to));
    c = dot8_step(c, size, _mm512_xor_si512(load512(row.c + at), to));
    d = dot8_step(d, size, _mm512_xor_si512(load512(row.d + at), to));
    at += 64;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

AVX512 void dot8_avx512(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                        int32_t *out) {
  __m512i start = _mm512_setzero_si512();
  for (size_t at = 0; at < lines * 64; at += 64) {
    const __m512i q = load512(query + at);
    start = dot8_step(start, _mm512_abs_epi8(q), turn(q));
  }
  start = _mm512_sub_epi32(_mm512_setzero_si512(), start);
  for (size_t i = 0; i < n; i += 4) dot8_rows_avx512(codes, lines, ids + i, query, start, out + i);
}

AVX512 inline void dot4_rows_avx512(const uint8_t *codes, size_t lines, const uint32_t *ids, const int8_t *query,
                                    int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  do {
    const __m512i q0 = load512(query + 2 * at), q1 = load512(query + 2 * at + 64);
    a = dot4_step(a, row.a + at, q0, q1);
    b = dot4_step(b, row.b + at, q0, q1);
    c = dot4_step(c, row.c + at, q0, q1);
    d = dot4_step(d, row.d + at, q0, q1);
    at += 64;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

AVX512 void dot4_avx512(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                        int32_t *out) {
  for (size_t i = 0; i < n; i += 4) dot4_rows_avx512(codes, lines, ids + i, query, out + i);
}

AVX2 inline void dot8_rows_avx2(const uint8_t *codes, size_t lines, const uint32_t *ids, const int8_t *query,
                                __m256i start, int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  __m256i a = start, b = a, c = a, d = a;
  do {
    const __m256i q = load256(query + at), size = _mm256_abs_epi8(q), to = turn(q);
    a = dot8_step(a, size, _mm256_xor_si256(load256(row.a + at), to));
    b = dot8_step(b, size, _mm256_xor_si256(load256(row.b + at), to));
    c = dot8_step(c, size, _mm256_xor_si256(load256(row.c + at), to));
    d = dot8_step(d, size, _mm256_xor_si256(load256(row.d + at), to));
    at += 32;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

AVX2 void dot8_avx2(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                    int32_t *out) {
  __m256i start = _mm256_setzero_si256();
  for (size_t at = 0; at < lines * 64; at += 32) {
    const __m256i q = load256(query + at);
    start = dot8_step(start, _mm256_abs_epi8(q), turn(q));
  }
  start = _mm256_sub_epi32(_mm256_setzero_si256(), start);
  for (size_t i = 0; i < n; i += 4) dot8_rows_avx2(codes, lines, ids + i, query, start, out + i);
}

AVX2 inline void dot4_rows_avx2(const uint8_t *codes, size_t lines, const uint32_t *ids, const int8_t *query,
                                int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  do {
    const int8_t *q = query + 2 * at;
    const __m256i q0 = load256(q), q1 = load256(q + 32), q2 = load256(q + 64), q3 = load256(q + 96);
    a = dot4_step(a, row.a + at, q0, q1, q2, q3);
    b = dot4_step(b, row.b + at, q0, q1, q2, q3);
    c = dot4_step(c, row.c + at, q0, q1, q2, q3);
    d = dot4_step(d, row.d + at, q0, q1, q2, q3);
    at += 64;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

AVX2 void dot4_avx2(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                    int32_t *out) {
  for (size_t i = 0; i < n; i += 4) dot4_rows_avx2(codes, lines, ids + i, query, out + i);
}

}  // namespace minnow

#define MINNOW_SET avx512
#define MINNOW_TARGET AVX512
#include "kernel_loops.h"

#define MINNOW_SET avx2
#define MINNOW_TARGET AVX2
#include "kernel_loops.h"

#endif
