// Compact codes of vectors: a byte or half a byte for each component, a quarter or
// an eighth of what a walk has to fetch otherwise.
//
// A component v of dimension j is told as v ≈ mean[j] + step[j]·(c − centre), where the
// code c is a whole number. Mean and step come from the vectors themselves: a
// step is a fixed part of the dimension's deviation. What lies outside the range is
// clipped.
//
// A squared distance from y, measured from the mean, to such an x is
//
//	|y|² − 2·y·x + |x|²,   and   y·x = Σ y[j]·step[j]·(c[j] − centre)
//	                             ≈ slope · (Σ w[j]·c[j] − centre · Σ w[j])
//
// with w[j] whole numbers in -127..127 and slope one number a query: so the work
// for each vector is a dot product of bytes (kernel.h), one number that it brings along, and a few
// additions. What such an estimate is wrong by grows with the distance: it is least among
// the near, where it matters. So inner products are told by distances too,
//
//	q·v = (|q|² + |v|² − |q−v|²) / 2
//
// with |v|² exact, and q scaled to the vectors' length, which changes no order.
//
// A vector that its code tells badly, as it lies far outside the ranges, is a misfit: it is measured itself.
#pragma once

#include <algorithm>
#include <cmath>
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
  size_t bytes() const { return block.size() + (squares.capacity() + mean.capacity() * 4) * sizeof(float); }

  // Whether row s is one that has to be measured itself.
  bool misfit(slot_id s) const { return std::isnan(squares[s]); }

  // From here on codes are all there is: misfits do with theirs.
  void stand_alone();

  // The number of slots, more than count, at which look should be called.
  size_t next_look(size_t count) const {
    return count < first_look ? first_look : count - count % between_looks + between_looks;
  }

  // Looks at the first count rows. Where there are no codes yet, or twice as many vectors as
  // those learned from, or many misfits among the latest, it learns from all of them, and codes them anew. Where
  // many vectors are misfits even so, there are no codes, until there are twice as many vectors.
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

  bool survey(const vectors &rows, size_t count);
  double misfits(size_t from, size_t to) const;

  int32_t space;
  size_t dim, lines;
  int32_t bits;
  float centre;
  dot_fn dot;
  memory_block block;
  // Of each row, the squared length of what its code tells, in l2; less that of its vector in the others;
  // NaN for a misfit.
  std::vector<float> squares;
  std::vector<float> mean, step, inverse;
  std::vector<float> weight;  // step squared, in units
  float unit = 0;             // such that no code is weighed with more than 127
  float bias = 0;             // what squared lengths of codes are too long by
  float length = 1;           // of the vectors, as a root mean square
  size_t learned = 0;         // the number of rows that those are of
  size_t tried = 0;           // the same, where that gave codes or not
};

// Estimates distances from one vector to many, by their codes.
class code_scorer {
 public:
  static constexpr bool ahead = true;

  // exact measures misfits by rows. Both may be gone, as rows say, if c stands alone.
  code_scorer(const codes &c, const vectors &rows, distance_fn exact);

  // From here on, distances are from v, which must stay.
  void aim(const float *v);

  // The same from what the code of row s tells: a fraction of the memory to fetch, and of the work.
  void aim_at(slot_id s);

  // What an estimate of distance d is wrong by: its standard deviation.
  float noise(float d) const;

  // Not of squares: 4 bytes a vector are in the second-level cache mostly, and asking for them cost
  // a query by 4 bits 15 %.
  __attribute__((always_inline)) void expect(const slot_id *s, size_t n) const {
    for (size_t i = 0; i < n; i++) {
      const uint8_t *row = codes_at + s[i] * lines * cache_line;
      for (size_t line = 0; line < lines; line++) __builtin_prefetch(row + line * cache_line, 0, to_second_level);
    }
  }

  void measure(const slot_id *s, size_t n, float *out) const {
    constexpr size_t most = 64;
    int32_t dots[most];
    for (; n > 0;) {
      const size_t now = std::min(n, most);
      dot_all(dot, codes_at, lines, s, now, weights, dots);
      bool all_told = true;
      for (size_t i = 0; i < now; i++) {
        out[i] = base - slope * static_cast<float>(dots[i]) + part * squares[s[i]];
        all_told &= out[i] == out[i];
      }
      if (!all_told) measure_misfits(s, now, out);
      s += now;
      out += now;
      n -= now;
    }
  }

 private:
  void measure_misfits(const slot_id *s, size_t n, float *out) const;

  const codes &c;
  const vectors &rows;
  const distance_fn exact;
  const uint8_t *codes_at;
  const float *squares;
  size_t lines;
  dot_fn dot;
  std::vector<int8_t> room;
  std::vector<float> scaled;
  int8_t *weights;  // in room, on a cache line
  const float *from = nullptr;
  float base = 0, slope = 0, part = 0;
};

}  // namespace minnow
