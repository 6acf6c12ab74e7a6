// Loops that set_portable.cc, set_x86.cc and so on compile each for their own instruction sets. Included behind lanes.h, and a
// narrow() for the set, which stores the lowest byte of each of sixteen floats.
#include "set.h"

namespace minnow::encoder::MINNOW_SET {
namespace {

// Adding 2^23 to a number of 0..2^22 leaves the nearest whole number in the lowest bits.
constexpr float units = 8388608.0f;

// x = the nearest whole number of 0..255, plus units.
MINNOW_INLINE void round_to_byte(lanes &x) {
  clamp(0, 255, x);
  x = x + units;
}

MINNOW_INLINE void tell(const lanes &x, const float *inverse, float zero, uint8_t *p) {
  lanes v;
  load(inverse, v);
  v = x * v + zero;
  round_to_byte(v);
  narrow(v, p);
}

// e to the x, for x <= 0, to 2e-7 of it; 1e-38 for the lowest.
MINNOW_INLINE void exponential(lanes &x) {
  lanes least;
  fill(-87, least);
  raise(least, x);
  constexpr float big = 12582912.0f;  // 1.5 * 2^23: a sum with it is a whole number, in its lowest bits
  const lanes n = x * 1.44269504f + big;
  const lanes k = n - big;
  const lanes r = x - k * 0.693145752f - k * 1.42860677e-6f;
  // The first terms of its series: r is at most ln(2)/2 in size. By pairs, as a chain would make each step wait for the last.
  const lanes r2 = r * r;
  const lanes high = r2 * (1 / 720.0f) + (r * (1 / 120.0f) + 1 / 24.0f);
  const lanes middle = r * (1 / 6.0f) + 0.5f;
  x = (high * r2 + middle) * r2 + (r + 1.0f);
  shift(n, x);
}

// x·Φ(x), to 2e-6: Φ - 1/2 is x times an even function, here a polynomial of x² found by least squares, up to |x| = 5, where Φ is 1
// to 3e-7.
MINNOW_INLINE void gelu(lanes &x) {
  lanes y = x;
  clamp(-5, 5, y);
  const lanes u = y * y * (2 / 25.0f) - 1.0f;
  // By pairs, then pairs of those.
  const lanes u2 = u * u, u4 = u2 * u2;
  const lanes low = (u * -0.0404329486f + 0.0515214205f) * u2 + (u * -0.0702966526f + 0.141363785f);
  const lanes middle = (u * -0.0109732095f + 0.0164976623f) * u2 + (u * -0.0233367383f + 0.0314262286f);
  const lanes high = u4 * 0.000492957421f + ((u * -0.00151414191f + 0.00200188765f) * u2 + (u * -0.00291570066f + 0.006165409f));
  const lanes p = (high * u4 + middle) * u4 + low;
  x = x * (y * p + 0.5f);
}

// The sums of sixteen outputs of a row as floats.
MINNOW_INLINE void scaled(const sums &s, size_t row, size_t at, lanes &y) {
  lanes scale, bias;
  load(s.bias + at, bias);
  if (s.fine) {
    load(s.fine + row * panel_width + at, y);
    load(s.fine_scale + at, scale);
    bias = bias + y * scale;
  }
  load(s.acc + row * panel_width + at, y);
  load(s.scale + at, scale);
  y = y * scale + bias;
}

}  // namespace

MINNOW_TARGET void floats(const sums &of, float *out, size_t stride) {
  const sums s = of;  // which no store through out can change
  for (size_t r = 0; r < s.rows; r++) {
    for (size_t j = 0; j < s.n; j += width) {
      lanes y;
      scaled(s, r, j, y);
      store(y, out + r * stride + j);
    }
  }
}

MINNOW_TARGET void gelu(const sums &of, told t, uint8_t *out, uint8_t *fine, size_t stride) {
  const sums s = of;
  for (size_t r = 0; r < s.rows; r++) {
    for (size_t j = 0; j < s.n; j += width) {
      lanes y, inverse;
      scaled(s, r, j, y);
      gelu(y);
      load(t.inverse + j, inverse);
      y = y * inverse + t.zero;
      lanes told = y;
      round_to_byte(told);
      narrow(told, out + r * stride + j);
      if (fine) {
        y = (y - (told - units)) * 255.0f + 128.0f;
        round_to_byte(y);
        narrow(y, fine + r * stride + j);
      }
    }
  }
}

MINNOW_TARGET void normalize(const norm &how, const float *x, const float *y, float *out, told t, uint8_t *codes) {
  lanes total{}, squares{}, v, w;
  for (size_t i = 0; i < how.n; i += width) {
    load(x + i, v);
    if (y) {
      load(y + i, w);
      v = v + w;
    }
    store(v, out + i);
    total = total + v;
  }
  const float mean = sum(total) / static_cast<float>(how.n);
  for (size_t i = 0; i < how.n; i += width) {
    load(out + i, v);
    v = v - mean;
    squares = squares + v * v;
  }
  const float factor = 1 / std::sqrt(sum(squares) / static_cast<float>(how.n) + how.epsilon);
  for (size_t i = 0; i < how.n; i += width) {
    load(out + i, v);
    load(how.weight + i, w);
    v = (v - mean) * factor * w;
    load(how.bias + i, w);
    v = v + w;
    store(v, out + i);
    if (codes) tell(v, t.inverse + i, t.zero, codes + i);
  }
}

namespace {

// So many queries at a time share what they read of keys and values.
constexpr size_t side = MINNOW_BYTES == 64 ? 4 : 2;

// What is added to the scores of a vector of which so many keys are there, at absent + width - keys.
constexpr float gone = -INFINITY;
constexpr float absent[2 * width] = {0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
                                     0,    0,    0,    0,    0,    gone, gone, gone, gone, gone, gone,
                                     gone, gone, gone, gone, gone, gone, gone, gone, gone, gone};

// scores[r][j] = row r of query · key j, with keys of which key[d] lie together. Leaves the greatest of each row, and in
// the place of keys that there are none of, what e to the x makes nearly 0 of.
template <size_t rows>
MINNOW_INLINE void score(const head &h, size_t from, const float *keys, float *scores, lanes *most) {
  const size_t room = padded(h.length);
  const float *query = h.query + from * h.stride;
  for (size_t r = 0; r < rows; r++) fill(gone, most[r]);
  for (size_t j = 0; j < room; j += width) {
    lanes s[rows] = {}, v;
    for (size_t d = 0; d < h.size; d++) {
      load(keys + d * room + j, v);
#pragma GCC unroll 4
      for (size_t r = 0; r < rows; r++) s[r] = s[r] + v * query[r * h.stride + d];
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < rows; r++) {
      if (h.bias) {
        load(h.bias + j - (from + r), v);
        s[r] = s[r] + v;
      }
      if (j + width > h.length) {
        load(absent + width - (h.length - j), v);
        s[r] = s[r] + v;
      }
      raise(s[r], most[r]);
      store(s[r], scores + r * room + j);
    }
  }
}

// Rows of out[d] = sum over keys of weight·value, for 16·vectors numbers of the head.
template <size_t rows, size_t vectors>
MINNOW_INLINE void weigh(const head &h, const float *weights, size_t at, lanes (*out)[vectors]) {
  const size_t room = padded(h.length);
  lanes o[rows][vectors] = {};
  for (size_t j = 0; j < h.length; j++) {
#pragma GCC unroll 2
    for (size_t d = 0; d < vectors; d++) {
      lanes v;
      load(h.value + j * h.stride + at + d * width, v);
#pragma GCC unroll 4
      for (size_t r = 0; r < rows; r++) o[r][d] = o[r][d] + v * weights[r * room + j];
    }
  }
  memcpy(out, o, sizeof o);
}

template <size_t rows>
MINNOW_TARGET void attend_rows(const head &h, size_t from, const float *keys, float *scores, told t, uint8_t *codes,
                               size_t codes_stride) {
  const size_t room = padded(h.length);
  lanes most[rows];
  score<rows>(h, from, keys, scores, most);
  float factor[rows];
  for (size_t r = 0; r < rows; r++) {
    const float top = greatest(most[r]);
    lanes total{};
    for (size_t j = 0; j < room; j += width) {
      lanes s;
      load(scores + r * room + j, s);
      s = s - top;
      exponential(s);
      store(s, scores + r * room + j);
      total = total + s;
    }
    factor[r] = 1 / sum(total);
  }
  const auto tell_rows = [&](auto &out, size_t at, size_t vectors) MINNOW_TARGET {
    for (size_t r = 0; r < rows; r++) {
      for (size_t d = 0; d < vectors; d++) {
        const lanes y = out[r][d] * factor[r];
        tell(y, t.inverse + at + d * width, t.zero, codes + (from + r) * codes_stride + at + d * width);
      }
    }
  };
  size_t at = 0;
  for (; at + 2 * width <= h.size; at += 2 * width) {
    lanes out[rows][2];
    weigh<rows, 2>(h, scores, at, out);
    tell_rows(out, at, 2);
  }
  if (at < h.size) {
    lanes out[rows][1];
    weigh<rows, 1>(h, scores, at, out);
    tell_rows(out, at, 1);
  }
}

}  // namespace

MINNOW_TARGET void attend(const head &h, float *room, told t, uint8_t *out, size_t codes_stride) {
  const size_t columns = padded(h.length);
  float *scores = room + h.size * columns;
  for (size_t d = 0; d < h.size; d++) {
    float *to = room + d * columns;
    for (size_t j = 0; j < h.length; j++) to[j] = h.key[j * h.stride + d];
    std::fill(to + h.length, to + columns, 0.0f);
  }
  size_t i = 0;
  for (; i + side <= h.length; i += side) attend_rows<side>(h, i, room, scores, t, out, codes_stride);
  for (; i < h.length; i++) attend_rows<1>(h, i, room, scores, t, out, codes_stride);
}

MINNOW_TARGET void pool(const float *weight, const float *bias, const float *x, size_t n, float *out) {
  for (size_t j = 0; j < n; j++) {
    lanes s{}, v, w;
    for (size_t i = 0; i < n; i += width) {
      load(weight + j * n + i, w);
      load(x + i, v);
      s = s + v * w;
    }
    out[j] = sum(s) + bias[j];
  }
  // |tanh x| = (1 - e^-2|x|) / (1 + e^-2|x|).
  for (size_t j = 0; j < n; j += width) {
    lanes x;
    load(out + j, x);
    raise(x * -1.0f, x);
    x = x * -2.0f;
    exponential(x);
    x = (x * -1.0f + 1.0f) / (x + 1.0f);
    float size[width];
    store(x, size);
    for (size_t i = 0; i < width; i++) out[j + i] = std::copysign(size[i], out[j + i]);
  }
}

}  // namespace minnow::encoder::MINNOW_SET

#if !defined(__clang__)
#pragma GCC pop_options
#endif
#undef MINNOW_BYTES
#undef MINNOW_INLINE
#undef MINNOW_NARROW
#undef MINNOW_SET
#undef MINNOW_TARGET
