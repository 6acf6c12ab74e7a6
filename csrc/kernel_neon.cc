#if defined(__aarch64__)
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#include "kernel_list.h"

// Where the whole build has it, as on macOS, there is nothing to ask for, and older clangs cannot be asked.
#if defined(__ARM_FEATURE_DOTPROD)
#define NEONDOT
#else
#define NEONDOT __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

namespace minnow {

bool has_neondot() {
#if defined(__linux__)
  constexpr unsigned long asimddp = 1ul << 20;  // HWCAP_ASIMDDP, which old kernels' headers lack
  return (getauxval(AT_HWCAP) & asimddp) != 0;
#else
  return true;  // every Mac of this architecture
#endif
}

namespace {

// Signed, as there is no instruction for unsigned by signed: 128 less. The
// excess is that of a row of zeros, so each row starts from minus that.
inline int8x16_t lowered(uint8x16_t codes) { return vreinterpretq_s8_u8(veorq_u8(codes, vdupq_n_u8(128))); }

inline int8x16_t low(uint8x16_t codes) { return vreinterpretq_s8_u8(vandq_u8(codes, vdupq_n_u8(15))); }
inline int8x16_t high(uint8x16_t codes) { return vreinterpretq_s8_u8(vshrq_n_u8(codes, 4)); }

// Two products are at most 2 * 127 * 128 in size, and so fit in 16 bits.
inline int32x4_t dot8_step(int32x4_t sum, int8x16_t codes, int8x16_t q) {
  return vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(codes), vget_low_s8(q)), codes, q));
}

inline int16x8_t multiply_add(int16x8_t sum, int8x16_t codes, int8x16_t q) {
  return vmlal_high_s8(vmlal_s8(sum, vget_low_s8(codes), vget_low_s8(q)), codes, q);
}

inline int16x8_t dot4_step(int16x8_t sum, const uint8_t *part, int8x16_t q0, int8x16_t q1) {
  const uint8x16_t c = vld1q_u8(part);
  return multiply_add(multiply_add(sum, low(c), q0), high(c), q1);
}

NEONDOT inline int32x4_t dot4_step(int32x4_t sum, const uint8_t *part, int8x16_t q0, int8x16_t q1) {
  const uint8x16_t c = vld1q_u8(part);
  return vdotq_s32(vdotq_s32(sum, low(c), q0), high(c), q1);
}

inline void store_sums(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, int32_t *out) {
  vst1q_s32(out, vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)));
}

}  // namespace

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

NEONDOT inline void dot8_rows_neondot(const uint8_t *codes, size_t lines, const uint32_t *ids, const int8_t *query,
                                      int32x4_t start, int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  int32x4_t a = start, b = a, c = a, d = a;
  do {
    const int8x16_t q = vld1q_s8(query + at);
    a = vdotq_s32(a, lowered(vld1q_u8(row.a + at)), q);
    b = vdotq_s32(b, lowered(vld1q_u8(row.b + at)), q);
    c = vdotq_s32(c, lowered(vld1q_u8(row.c + at)), q);
    d = vdotq_s32(d, lowered(vld1q_u8(row.d + at)), q);
    at += 16;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

NEONDOT void dot8_neondot(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                          int32_t *out) {
  int32x4_t start = vdupq_n_s32(0);
  for (size_t at = 0; at < lines * 64; at += 16) {
    const int8x16_t q = vld1q_s8(query + at);
    start = vdotq_s32(start, lowered(vdupq_n_u8(0)), q);
  }
  start = vnegq_s32(start);
  for (size_t i = 0; i < n; i += 4) dot8_rows_neondot(codes, lines, ids + i, query, start, out + i);
}

NEONDOT inline void dot4_rows_neondot(const uint8_t *codes, size_t lines, const uint32_t *ids, const int8_t *query,
                                      int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
  do {
    for (size_t t = 0; t < 64; t += 16) {
      const int8x16_t q0 = vld1q_s8(query + 2 * at + t), q1 = vld1q_s8(query + 2 * at + 64 + t);
      a = dot4_step(a, row.a + at + t, q0, q1);
      b = dot4_step(b, row.b + at + t, q0, q1);
      c = dot4_step(c, row.c + at + t, q0, q1);
      d = dot4_step(d, row.d + at + t, q0, q1);
    }
    at += 64;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

NEONDOT void dot4_neondot(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query,
                          int32_t *out) {
  for (size_t i = 0; i < n; i += 4) dot4_rows_neondot(codes, lines, ids + i, query, out + i);
}

inline void dot8_rows_neon(const uint8_t *codes, size_t lines, const uint32_t *ids, const int8_t *query,
                           int32x4_t start, int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  int32x4_t a = start, b = a, c = a, d = a;
  do {
    const int8x16_t q = vld1q_s8(query + at);
    a = dot8_step(a, lowered(vld1q_u8(row.a + at)), q);
    b = dot8_step(b, lowered(vld1q_u8(row.b + at)), q);
    c = dot8_step(c, lowered(vld1q_u8(row.c + at)), q);
    d = dot8_step(d, lowered(vld1q_u8(row.d + at)), q);
    at += 16;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

void dot8_neon(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query, int32_t *out) {
  int32x4_t start = vdupq_n_s32(0);
  for (size_t at = 0; at < lines * 64; at += 16) {
    const int8x16_t q = vld1q_s8(query + at);
    start = dot8_step(start, lowered(vdupq_n_u8(0)), q);
  }
  start = vnegq_s32(start);
  for (size_t i = 0; i < n; i += 4) dot8_rows_neon(codes, lines, ids + i, query, start, out + i);
}

inline void dot4_rows_neon(const uint8_t *codes, size_t lines, const uint32_t *ids, const int8_t *query, int32_t *out) {
  const dot_rows row(codes, lines, ids);
  size_t at = 0;
  int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
  do {
    // The 16 products of a line come to 16 * 15 * 127 at most, and so fit in 16 bits.
    int16x8_t e = vdupq_n_s16(0), f = e, g = e, h = e;
    for (size_t t = 0; t < 64; t += 16) {
      const int8x16_t q0 = vld1q_s8(query + 2 * at + t), q1 = vld1q_s8(query + 2 * at + 64 + t);
      e = dot4_step(e, row.a + at + t, q0, q1);
      f = dot4_step(f, row.b + at + t, q0, q1);
      g = dot4_step(g, row.c + at + t, q0, q1);
      h = dot4_step(h, row.d + at + t, q0, q1);
    }
    a = vpadalq_s16(a, e);
    b = vpadalq_s16(b, f);
    c = vpadalq_s16(c, g);
    d = vpadalq_s16(d, h);
    at += 64;
  } while (at < lines * 64);
  store_sums(a, b, c, d, out);
}

void dot4_neon(const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n, const int8_t *query, int32_t *out) {
  for (size_t i = 0; i < n; i += 4) dot4_rows_neon(codes, lines, ids + i, query, out + i);
}

}  // namespace minnow

#endif
