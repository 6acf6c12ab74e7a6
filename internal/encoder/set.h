// What an instruction set has to offer: the product of whole numbers, and the loops around it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace minnow::encoder {

constexpr size_t tile_rows = 6;     // at most
constexpr size_t panel_width = 64;  // outputs whose codes lie together

// acc[r][j] = start[j] + sum over i of a[r][i]·w[i][j], for 1 to tile_rows rows and panel_width outputs. Row r of a is at
// a + r·stride, and has 4·groups numbers in 0..255; groups is a multiple of 4. w has, for each four inputs, four codes of each
// output. It is on a cache line, as acc is. Sums are exact in 32 bits. A set that is less128 takes a[r][i] - 128 instead.
using tile_fn = void (*)(const uint8_t *a, size_t stride, size_t rows, const int8_t *w, size_t groups, const int32_t *start,
                         int32_t *acc);

// A tile of a number of rows that the compiler knows.
using rows_fn = void (*)(const uint8_t *a, size_t stride, const int8_t *w, size_t groups, const int32_t *start, int32_t *acc);

// A tile by kernels of one, two and three rows, and 16 outputs each.
inline void tile_by_parts(const rows_fn (&kernels)[3], const uint8_t *a, size_t stride, size_t rows, const int8_t *w, size_t groups,
                          const int32_t *start, int32_t *acc) {
  for (size_t r = 0; r < rows; r += 3) {
    const rows_fn kernel = kernels[rows - r < 3 ? rows - r - 1 : 2];
    for (size_t j = 0; j < panel_width; j += 16) {
      kernel(a + r * stride, stride, w + 4 * j, groups, start + j, acc + r * panel_width + j);
    }
  }
}

// How floats are told in 8 bits: round(x·inverse[i]) + zero, in 0..255.
struct told {
  const float *inverse;  // [inputs]
  float zero;
};

// Sums of a tile as floats, acc·scale + bias, with n outputs, a multiple of 16, from scale, bias and out on. Row r of out is at
// out + r·stride. If fine is there, it has sums of a second term, whose scales are at scale + panels.
struct sums {
  const int32_t *acc, *fine;
  const float *scale, *fine_scale, *bias;
  size_t rows, n;
};
using floats_fn = void (*)(const sums &s, float *out, size_t stride);

// GELU of these, told in 8 bits; and, unless it is null, in fine what that leaves, in steps of 1/255 of the first, around 128.
using gelu_fn = void (*)(const sums &s, told t, uint8_t *out, uint8_t *fine, size_t stride);

// out = normalized x + y, by weight and bias (n of each); y may be null, and out may be x. Told in 8 bits too, unless codes is null.
struct norm {
  const float *weight, *bias;
  size_t n;
  float epsilon;
};
using norm_fn = void (*)(const norm &how, const float *x, const float *y, float *out, told t, uint8_t *codes);

// One head of a text of so many tokens: softmax(query·key + bias)·value, told in 8 bits. Rows of the three are stride
// floats apart, and those of out codes_stride; a head has size numbers, a multiple of 16. bias, unless it is null, has what is
// added for a distance of 0; that for 1 follows it, that for -1 is before it. room is for attend_room(length, size) floats.
struct head {
  const float *query, *key, *value, *bias;
  size_t stride, length, size;
};
using attend_fn = void (*)(const head &h, float *room, told t, uint8_t *out, size_t codes_stride);

constexpr size_t padded(size_t length) { return (length + 15) / 16 * 16; }
constexpr size_t attend_room(size_t length, size_t size) { return (size + 4) * padded(length); }

// out[j] = tanh(bias[j] + weight[j]·x), with rows of n.
using pool_fn = void (*)(const float *weight, const float *bias, const float *x, size_t n, float *out);

struct set {
  const char *name;
  bool (*usable)();
  bool less128;
  tile_fn tile;
  floats_fn floats;
  gelu_fn gelu;
  norm_fn normalize;
  attend_fn attend;
  pool_fn pool;
};

// Tiles, for set.cc's table.
using tile = std::remove_pointer_t<tile_fn>;

// The loops of loops.h, for one instruction set.
#define MINNOW_LOOPS(set)                      \
  namespace set {                              \
  std::remove_pointer_t<floats_fn> floats;     \
  std::remove_pointer_t<gelu_fn> gelu;         \
  std::remove_pointer_t<norm_fn> normalize;    \
  std::remove_pointer_t<attend_fn> attend;     \
  std::remove_pointer_t<pool_fn> pool;         \
  }
MINNOW_LOOPS(baseline)
tile tile_portable;
#if defined(__x86_64__)
MINNOW_LOOPS(avx512)
MINNOW_LOOPS(avx2)
bool has_avx512vnni(), has_avx512(), has_avx2();
tile tile_avx512vnni, tile_avx2;
#elif defined(__aarch64__)
bool has_neondot();
tile tile_neondot, tile_neon;
#endif
#undef MINNOW_LOOPS

size_t set_count() noexcept;
const set &set_at(size_t i) noexcept;
size_t best_set() noexcept;

}  // namespace minnow::encoder
