#include "codes.h"

#include <cfloat>
#include <cmath>
#include <cstring>
#include <memory>

#include "hnsw.h"

namespace minnow {
namespace {

// Half a range, in deviations, and the codes that share it. With 4 bits a narrow
// range gains more in fine steps than it loses by clipping 0.7 % of a bell curve; with
// 8 bits steps are fine anyway.
constexpr float range4 = 2.7f, range8 = 5.0f;
constexpr float centre4 = 7.5f, centre8 = 128.0f;

constexpr size_t sample = 16384;        // rows that statistics are taken of, at most
constexpr double much_clipped = 0.04;   // of the components of the latest vectors

}  // namespace

codes::codes(int32_t space, size_t dim, int32_t b)
    : space(space),
      dim(dim),
      lines(round_up(dim, b == 4 ? 2 * cache_line : cache_line) / (b == 4 ? 2 * cache_line : cache_line)),
      bits(dim > longest_coded ? 0 : b),
      centre(bits == 4 ? centre4 : centre8),
      dot(bits == 4 ? best_kernel().dot4 : best_kernel().dot8) {}

void codes::reserve(size_t rows) {
  if (!bits) return;
  block.resize(rows * lines * cache_line);
  if (space == HNSW_L2) squares.resize(rows);
}

void codes::look(const vectors &rows, size_t count) {
  if (!bits) return;
  const bool due = !ready() || count >= 2 * learned ||
                   (count >= learned + learned / 8 && clipped(rows, count - std::min(count, between_looks), count) > much_clipped);
  if (due) learn(rows, count);
}

void codes::learn(const vectors &rows, size_t count) {
  if (!bits || count < first_look) return;
  learned = survey(rows, count) ? count : 0;
  if (!ready()) return;
  for (slot_id s = 0; s < count; s++) put(s, rows.at(s));
}

// The share of components that lie outside of their ranges.
double codes::clipped(const vectors &rows, size_t from, size_t to) const {
  size_t outside = 0, of = 0;
  const float reach = bits == 4 ? centre4 + 0.5f : centre8;
  for (size_t s = from; s < to; s += 4, of += dim) {
    const float *v = rows.at(static_cast<slot_id>(s));
    size_t n = 0;
    for (size_t j = 0; j < dim; j++) n += std::fabs(v[j] - mean[j]) > reach * step[j];
    outside += n;
  }
  return of ? static_cast<double>(outside) / static_cast<double>(of) : 0;
}

// Takes mean and deviation of each dimension, and says whether there is something to code.
bool codes::survey(const vectors &rows, size_t count) {
  const size_t stride = (count + sample - 1) / sample, n = (count + stride - 1) / stride;
  std::vector<double> sum(dim), squared(dim);
  // About a first guess of the mean, so that squares of what all have in common do not swallow the rest.
  mean.assign(rows.at(0), rows.at(0) + dim);
  for (size_t s = 0; s < count; s += stride) {
    const float *v = rows.at(static_cast<slot_id>(s));
    for (size_t j = 0; j < dim; j++) {
      const double x = static_cast<double>(v[j]) - mean[j];
      sum[j] += x;
      squared[j] += x * x;
    }
  }
  step.resize(dim);
  inverse.resize(dim);
  double most = 0;
  for (size_t j = 0; j < dim; j++) {
    const double m = sum[j] / static_cast<double>(n);
    const double deviation = std::sqrt(std::max(0.0, squared[j] / static_cast<double>(n) - m * m));
    most = std::max(most, deviation + std::fabs(mean[j] + m));
    mean[j] = static_cast<float>(mean[j] + m);
    step[j] = static_cast<float>(bits == 4 ? 2 * range4 * deviation / 15 : 2 * range8 * deviation / 254);
    inverse[j] = step[j] > 0 ? 1 / step[j] : 0;
    if (!std::isfinite(inverse[j])) step[j] = inverse[j] = 0;
  }
  // Rounding makes a squared length longer, by a twelfth of a squared step a dimension.
  bias = 0;
  for (const float s : step) bias += s * s / 12;
  const float widest = *std::max_element(step.begin(), step.end());
  // Squares of these, and sums of dim of them, have to be floats of full precision.
  return widest > 1e-15f && most * most * static_cast<double>(dim) < FLT_MAX / 1e6;
}

void codes::put(slot_id s, const float *v) {
  uint8_t *row = reinterpret_cast<uint8_t *>(block.data()) + s * lines * cache_line;
  constexpr size_t piece = 2 * cache_line;
  const code_range range = bits == 4 ? code_range{centre4, 0, 15} : code_range{centre8, 1, 255};
  float square = 0;
  for (size_t from = 0; from < dim; from += piece) {
    const size_t n = std::min(piece, dim - from);
    const float *st = step.data() + from;
    uint8_t c[piece] = {};
    best_kernel().encode(v + from, mean.data() + from, inverse.data() + from, n, range, c);
    if (space == HNSW_L2) {
      for (size_t j = 0; j < n; j++) {
        const float x = (static_cast<float>(c[j]) - centre) * st[j];
        square += x * x;
      }
    }
    if (bits == 4) {
      for (size_t j = 0; j < cache_line; j++) row[j] = static_cast<uint8_t>(c[j] | c[j + cache_line] << 4);
      row += cache_line;
    } else {
      memcpy(row, c, round_up(n, cache_line));
      row += piece;
    }
  }
  if (space == HNSW_L2) squares[s] = square;
}

void codes::tell(slot_id s, float *out) const {
  const uint8_t *row = reinterpret_cast<const uint8_t *>(block.data()) + s * lines * cache_line;
  best_kernel().decode(row, bits, mean.data(), step.data(), dim, centre, out);
}

code_scorer::code_scorer(const codes &c)
    : c(c),
      rows(reinterpret_cast<const uint8_t *>(c.block.data())),
      squares(c.squares.empty() ? nullptr : c.squares.data()),
      lines(c.lines),
      dot(c.dot),
      room(c.lines * (c.bits == 4 ? 2 : 1) * cache_line + cache_line),
      scaled(c.dim),
      told(c.dim) {
  void *start = room.data();
  size_t space = room.size();
  weights = static_cast<int8_t *>(std::align(cache_line, room.size() - cache_line, start, space));
}

void code_scorer::aim(const float *v) {
  const bool l2 = c.space == HNSW_L2;
  const kernel &k = best_kernel();
  const weighed all = k.weigh(v, c.mean.data(), c.step.data(), c.dim, l2, scaled.data());
  const float scale = all.most > FLT_MIN * 1e6f ? 127 / all.most : 0, unit = scale > 0 ? all.most / 127 : 0;
  const int32_t sum = k.round(scaled.data(), scale, c.dim, weights);
  const float middle = unit * c.centre * static_cast<float>(sum);
  // Rounding is spread evenly over a step, whose variance is a twelfth of its square.
  error = std::sqrt(all.squares / 12);
  if (l2) {
    base = all.product + 2 * middle - c.bias;
    slope = 2 * unit;
    error *= 2;
  } else {
    base = 1 - all.product + middle;
    slope = unit;
  }
}

}  // namespace minnow
