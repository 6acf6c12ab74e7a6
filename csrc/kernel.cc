#include "kernel.h"

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace minnow {
namespace {

const float *floats(const void *p) { return static_cast<const float *>(p); }
size_t dim_of(const void *p) { return *static_cast<const size_t *>(p); }
bool always() { return true; }

// Independent accumulators let the compiler use the baseline's vectors: it may
// not reorder a single running float sum.
constexpr size_t lanes = 16;

float sum_of(const float (&acc)[lanes]) {
  float s = 0;
  for (size_t j = 0; j < lanes; j++) s += acc[j];
  return s;
}

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

#if defined(__x86_64__)

// With the lesser sets named too, or gcc would call sum256 instead of inlining it: that costs a query 7 %.
#define AVX512 __attribute__((target("avx512f,avx2,fma")))
#define AVX2 __attribute__((target("avx2,fma")))

bool has_avx2() { return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0; }
bool has_avx512() { return __builtin_cpu_supports("avx512f") != 0 && has_avx2(); }

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

constexpr kernel kernels[] = {
    {"avx512", has_avx512, l2_avx512, ip_avx512},
    {"avx2", has_avx2, l2_avx2, ip_avx2},
    {"portable", always, l2_portable, ip_portable},
};

#elif defined(__aarch64__)

float l2_neon(const void *pa, const void *pb, const void *pd) {
  const float *a = floats(pa), *b = floats(pb);
  const size_t n = dim_of(pd);
  float32x4_t s0 = vdupq_n_f32(0), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const float32x4_t d0 = vsubq_f32(vld1q_f32(a + i), vld1q_f32(b + i));
    const float32x4_t d1 = vsubq_f32(vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
    const float32x4_t d2 = vsubq_f32(vld1q_f32(a + i + 8), vld1q_f32(b + i + 8));
    const float32x4_t d3 = vsubq_f32(vld1q_f32(a + i + 12), vld1q_f32(b + i + 12));
    s0 = vfmaq_f32(s0, d0, d0);
    s1 = vfmaq_f32(s1, d1, d1);
    s2 = vfmaq_f32(s2, d2, d2);
    s3 = vfmaq_f32(s3, d3, d3);
  }
  float tail = 0;
  for (; i < n; i++) {
    const float d = a[i] - b[i];
    tail += d * d;
  }
  return vaddvq_f32(vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3))) + tail;
}

float ip_neon(const void *pa, const void *pb, const void *pd) {
  const float *a = floats(pa), *b = floats(pb);
  const size_t n = dim_of(pd);
  float32x4_t s0 = vdupq_n_f32(0), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    s0 = vfmaq_f32(s0, vld1q_f32(a + i), vld1q_f32(b + i));
    s1 = vfmaq_f32(s1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
    s2 = vfmaq_f32(s2, vld1q_f32(a + i + 8), vld1q_f32(b + i + 8));
    s3 = vfmaq_f32(s3, vld1q_f32(a + i + 12), vld1q_f32(b + i + 12));
  }
  float tail = 0;
  for (; i < n; i++) tail += a[i] * b[i];
  return 1.0f - (vaddvq_f32(vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3))) + tail);
}

constexpr kernel kernels[] = {
    {"neon", always, l2_neon, ip_neon},  // part of every arm64
    {"portable", always, l2_portable, ip_portable},
};

#else

constexpr kernel kernels[] = {{"portable", always, l2_portable, ip_portable}};

#endif

}  // namespace

size_t kernel_count() noexcept { return sizeof kernels / sizeof kernels[0]; }

const kernel &kernel_at(size_t i) noexcept { return kernels[i]; }

size_t best_kernel_index() noexcept {
  static const size_t best = [] {
    const char *wanted = std::getenv("MINNOW_KERNEL");
    size_t first = kernel_count();
    for (size_t i = kernel_count(); i-- > 0;) {
      if (!kernels[i].usable()) continue;
      if (wanted && std::strcmp(wanted, kernels[i].name) == 0) return i;
      first = i;
    }
    return first;  // the last is usable anywhere
  }();
  return best;
}

const kernel &best_kernel() noexcept { return kernels[best_kernel_index()]; }

}  // namespace minnow
