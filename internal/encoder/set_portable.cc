#include "set.h"

namespace minnow::encoder {

void tile_portable(const uint8_t *a, size_t stride, size_t rows, const int8_t *w, size_t groups, const int32_t *start,
                   int32_t *acc) {
  for (size_t r = 0; r < rows; r++) {
    int32_t *sum = acc + r * panel_width;
    for (size_t j = 0; j < panel_width; j++) sum[j] = start[j];
    for (size_t g = 0; g < groups; g++) {
      const uint8_t *x = a + r * stride + 4 * g;
      const int8_t *codes = w + g * 4 * panel_width;
      for (size_t j = 0; j < panel_width; j++) {
        for (size_t i = 0; i < 4; i++) sum[j] += x[i] * codes[4 * j + i];
      }
    }
  }
}

}  // namespace minnow::encoder

#define MINNOW_SET baseline
#define MINNOW_TARGET
#define MINNOW_BYTES 16
#include "lanes.h"
namespace minnow::encoder::baseline {
namespace {

MINNOW_INLINE void narrow(const lanes &x, uint8_t *p) {
  uint32_t bits[width];
  memcpy(bits, &x, sizeof bits);
  for (size_t i = 0; i < width; i++) p[i] = static_cast<uint8_t>(bits[i]);
}

}  // namespace
}  // namespace minnow::encoder::baseline
#include "loops.h"
