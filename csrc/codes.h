// Compact codes of vectors: a byte or half a byte for each component, an eighth
// or a quarter of what a walk has to fetch otherwise.
//
// A component v of dimension j is told as v ≈ mean[j] + step[j]·(c − centre), where the
// code c is a whole number. Mean and step come from the vectors themselves: a
// step is a fixed part of the dimension's deviation. What lies outside the range is
// clipped. With y a query, or its distance from the mean for l2, a dot product is then
//
//	Σ y[j]·step[j]·(c[j] − centre)  ≈  slope · (Σ w[j]·c[j] − centre · Σ w[j])
//
// with w[j] whole numbers in -127..127 and slope one number a query: so the work
// for each vector is a dot product of bytes (kernel.h), and a distance one
// multiplication and one addition more. For l2 a vector brings the squared length
// of its code along.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "block.h"
#include "kernel.h"
#include "vectors.h"

namespace minnow {

// The longest vector whose dot products fit into 32 bits: 65536 · 255 · 127 < 2^31.
constexpr size_t longest_coded = 65536;

class codes {
 public:
  // bits is 8, 4, or 0 for no codes at all.
  codes(int32_t space, size_t dim, int32_t bits);

  int32_t width() const { return bits; }
  // Whether there are codes: not before there are vectors enough to learn from, nor
  // where a deviation is beyond what a float can square.
  bool ready() const { return learned > 0; }

  void reserve(size_t rows);
  size_t bytes() const { return block.size() + (squares.capacity() + mean.capacity() * 3) * sizeof(float); }

  // The number of slots, more than count, at which look should be called.
  size_t next_look(size_t count) const { return count < first_look ? first_look : count - count % between_looks + between_looks; }

  // Looks at the first count rows, and where there are no codes yet, or twice as many vectors as
  // those learned from, or where the latest do not fit into the ranges: learns from
  // all of them, and codes them anew.
  void look(const vectors &rows, size_t count);

  // Learns from the first count rows, if they are enough.
  void learn(const vectors &rows, size_t count);

  // Codes v as row s.
  void put(slot_id s, const float *v);

  // What row s tells of its vector.
  void tell(slot_id s, float *out) const;

 private:
  friend class code_scorer;

  static constexpr size_t first_look = 256, between_looks = 1024;

  double clipped(const vectors &rows, size_t from, size_t to) const;
  bool survey(const vectors &rows, size_t count);

  int32_t space;
  size_t dim, lines;
  int32_t bits;
  float centre;
  dot_fn dot;
  memory_block block;
  std::vector<float> squares;  // l2: of each row, the squared length of what it tells
  std::vector<float> mean, step, inverse;
  float bias = 0;  // l2: what estimates would be too long by
  size_t learned = 0;  // the number of rows that those are of
};

// Estimates distances from one vector to many, by their codes.
class code_scorer {
 public:
  static constexpr bool ahead = true;

  explicit code_scorer(const codes &c);

  // From here on, distances are from v.
  void aim(const float *v);

  // The same from what the code of row s tells: a fraction of the memory to fetch.
  void aim_at(slot_id s) {
    c.tell(s, told.data());
    aim(told.data());
  }

  // What an estimate is wrong by, most of the time.
  float noise() const { return error; }

  void expect(const slot_id *s, size_t n) const {
    for (size_t i = 0; i < n; i++) {
      const uint8_t *row = rows + s[i] * lines * cache_line;
      for (size_t line = 0; line < lines; line++) __builtin_prefetch(row + line * cache_line);
    }
  }

  void measure(const slot_id *s, size_t n, float *out) const {
    constexpr size_t most = 64;
    int32_t dots[most];
    for (; n > 0; s += most, out += most, n -= std::min(n, most)) {
      const size_t now = std::min(n, most);
      dot(rows, lines, s, now, weights, dots);
      for (size_t i = 0; i < now; i++) out[i] = base - slope * static_cast<float>(dots[i]);
      if (squares) {
        for (size_t i = 0; i < now; i++) out[i] += squares[s[i]];
      }
    }
  }

 private:
  const codes &c;
  const uint8_t *rows;
  const float *squares;
  size_t lines;
  dot_fn dot;
  std::vector<int8_t> room;
  std::vector<float> scaled, told;
  int8_t *weights;  // in room, on a cache line
  float base = 0, slope = 0, error = 0;
};

}  // namespace minnow
