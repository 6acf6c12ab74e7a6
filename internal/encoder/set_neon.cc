#if defined(__aarch64__)
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#include <cstring>

#include "set.h"

#define NEONDOT __attribute__((target("arch=armv8.2-a+dotprod")))

namespace minnow::encoder {

bool has_neondot() {
#if defined(__linux__)
  constexpr unsigned long asimddp = 1ul << 20;  // HWCAP_ASIMDDP, which old kernels' headers lack
  return (getauxval(AT_HWCAP) & asimddp) != 0;
#else
  return true;  // every Mac of this architecture
#endif
}

namespace {

// Inputs less 128, as these instructions know signed bytes alone: the start of the sums makes up for it.
inline int8x16_t less128(const uint8_t *a) { return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(a), vdupq_n_u8(128))); }

// The sums of sixteen outputs of a row.
struct sums16 {
  int32x4_t a, b, c, d;
};

inline void load(const int32_t *p, sums16 &s) {
  s = {vld1q_s32(p), vld1q_s32(p + 4), vld1q_s32(p + 8), vld1q_s32(p + 12)};
}

inline void store(const sums16 &s, int32_t *p) {
  vst1q_s32(p, s.a);
  vst1q_s32(p + 4, s.b);
  vst1q_s32(p + 8, s.c);
  vst1q_s32(p + 12, s.d);
}

template <int lane>
NEONDOT inline void add(sums16 &s, int8x16_t a, int8x16_t w0, int8x16_t w1, int8x16_t w2, int8x16_t w3) {
  s.a = vdotq_laneq_s32(s.a, w0, a, lane);
  s.b = vdotq_laneq_s32(s.b, w1, a, lane);
  s.c = vdotq_laneq_s32(s.c, w2, a, lane);
  s.d = vdotq_laneq_s32(s.d, w3, a, lane);
}

// The next four of sixteen inputs of some rows.
template <int lane, size_t rows>
NEONDOT inline void step(const int8_t *w, int8x16_t a0, int8x16_t a1, int8x16_t a2, sums16 &s0, sums16 &s1, sums16 &s2) {
  w += lane * 4 * panel_width;
  const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + 16), w2 = vld1q_s8(w + 32), w3 = vld1q_s8(w + 48);
  add<lane>(s0, a0, w0, w1, w2, w3);
  if constexpr (rows > 1) add<lane>(s1, a1, w0, w1, w2, w3);
  if constexpr (rows > 2) add<lane>(s2, a2, w0, w1, w2, w3);
}

template <size_t rows>
NEONDOT void tile_dot(const uint8_t *a, size_t stride, const int8_t *w, size_t groups, const int32_t *start, int32_t *acc) {
  sums16 s0, s1, s2;
  load(start, s0);
  s1 = s2 = s0;
  for (size_t g = 0; g < groups; g += 4) {
    const int8x16_t a0 = less128(a), a1 = rows > 1 ? less128(a + stride) : a0, a2 = rows > 2 ? less128(a + 2 * stride) : a0;
    step<0, rows>(w, a0, a1, a2, s0, s1, s2);
    step<1, rows>(w, a0, a1, a2, s0, s1, s2);
    step<2, rows>(w, a0, a1, a2, s0, s1, s2);
    step<3, rows>(w, a0, a1, a2, s0, s1, s2);
    w += 4 * 4 * panel_width;
    a += 16;
  }
  store(s0, acc);
  if constexpr (rows > 1) store(s1, acc + panel_width);
  if constexpr (rows > 2) store(s2, acc + 2 * panel_width);
}

// Sums of pairs of products: two numbers for each of sixteen outputs.
struct pairs16 {
  int32x4_t v[8];
};

// Products of two codes with two inputs, two outputs at a time, fit into 16 bits, and so do pairs of them.
inline void add(pairs16 &s, const uint8_t *a, const int8_t *w) {
  uint32_t four;
  memcpy(&four, a, sizeof four);
  const int8x8_t x = vreinterpret_s8_u32(vdup_n_u32(four ^ 0x80808080u));
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; i++) s.v[i] = vpadalq_s16(s.v[i], vmull_s8(vld1_s8(w + 8 * i), x));
}

inline void store(const pairs16 &s, const int32_t *start, int32_t *acc) {
  for (size_t i = 0; i < 4; i++) {
    vst1q_s32(acc + 4 * i, vaddq_s32(vld1q_s32(start + 4 * i), vpaddq_s32(s.v[2 * i], s.v[2 * i + 1])));
  }
}

}  // namespace

void tile_neondot(const uint8_t *a, size_t stride, size_t rows, const int8_t *w, size_t groups, const int32_t *start,
                  int32_t *acc) {
  static constexpr rows_fn kernels[] = {tile_dot<1>, tile_dot<2>, tile_dot<3>};
  tile_by_parts(kernels, a, stride, rows, w, groups, start, acc);
}

void tile_neon(const uint8_t *a, size_t stride, size_t rows, const int8_t *w, size_t groups, const int32_t *start, int32_t *acc) {
  for (size_t j = 0; j < panel_width; j += 16) {
    for (size_t r = 0; r < rows; r++) {
      pairs16 s{};
      for (size_t g = 0; g < groups; g++) add(s, a + r * stride + 4 * g, w + g * 4 * panel_width + 4 * j);
      store(s, start + j, acc + r * panel_width + j);
    }
  }
}

}  // namespace minnow::encoder
#endif
