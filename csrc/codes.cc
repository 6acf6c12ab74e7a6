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

constexpr size_t sample = 16384;  // rows that statistics are taken of, at most

// Of a vector's squared distance from the mean, how much its code may get wrong. Rounding makes 1 % of it with 4
// bits and clipping about as much.
constexpr float misfit_error = 0.06f;
constexpr double many_misfits = 0.05;     // of the latest vectors: time to learn anew
constexpr double too_many_misfits = 0.2;  // of all: codes are of no use

// What a code is from the centre at most.
constexpr float reach(int32_t bits) { return bits == 4 ? 7.5f : 127.0f; }

// The bits that are worth their while: few dimensions lie in one cache line as floats, or as bytes.
int32_t worth(size_t dim, int32_t bits) {
  if (dim * sizeof(float) <= cache_line || dim > longest_coded) return 0;
  return bits == 4 && dim <= cache_line ? 8 : bits;
}

}  // namespace

codes::codes(int32_t space, size_t dim, int32_t wanted)
    : space(space),
      dim(dim),
      bits(worth(dim, wanted)),
      centre(bits == 4 ? centre4 : centre8),
      dot(bits == 4 ? best_kernel().dot4 : best_kernel().dot8) {
  const size_t a_line = bits == 4 ? 2 * cache_line : cache_line;
  lines = (dim + a_line - 1) / a_line;
}

void codes::reserve(size_t rows) {
  if (!bits) return;
  block.resize(rows * lines * cache_line);
  squares.resize(rows);
}

void codes::look(const vectors &rows, size_t count) {
  if (!bits) return;
  const bool astray = ready() && count >= learned + learned / 8 &&
                      misfits(count - std::min(count, between_looks), count) > many_misfits;
  if (tried == 0 || count >= 2 * tried || astray) learn(rows, count);
}

void codes::learn(const vectors &rows, size_t count) {
  if (!bits || count < first_look) return;
  tried = count;
  learned = 0;
  if (!survey(rows, count)) return;
  for (slot_id s = 0; s < count; s++) put(s, rows.at(s));
  if (misfits(0, count) <= too_many_misfits) learned = count;
}

double codes::misfits(size_t from, size_t to) const {
  size_t n = 0;
  for (size_t s = from; s < to; s++) n += misfit(static_cast<slot_id>(s));
  return static_cast<double>(n) / static_cast<double>(to - from);
}

void codes::stand_alone() {
  std::vector<float> told(dim);
  for (size_t s = 0; s < squares.size(); s++) {
    if (!misfit(static_cast<slot_id>(s))) continue;
    tell(static_cast<slot_id>(s), told.data());
    float square = 0;
    for (size_t j = 0; j < dim; j++) square += (told[j] - mean[j]) * (told[j] - mean[j]);
    squares[s] = space == HNSW_L2 ? square : square - length * length;
  }
}

// Takes mean and deviation of each dimension, and says whether there is something to code.
//
// A second time without what lies beyond five deviations of the first, if that is little: one vector
// that is a thousand times as long as the others would make all steps so much coarser.
bool codes::survey(const vectors &rows, size_t count) {
  const size_t stride = (count + sample - 1) / sample;
  constexpr double far = 5, little = 0.05;
  // About a first guess of the mean, so that squares of what all have in common do not swallow the rest.
  mean.assign(rows.at(0), rows.at(0) + dim);
  std::vector<double> sum(dim), squared(dim), middle(dim), deviation(dim);
  std::vector<size_t> n(dim);
  double lengths = 0;
  for (const bool again : {false, true}) {
    std::fill(sum.begin(), sum.end(), 0);
    std::fill(squared.begin(), squared.end(), 0);
    std::fill(n.begin(), n.end(), 0);
    size_t of = 0;
    for (size_t s = 0; s < count; s += stride, of++) {
      const float *v = rows.at(static_cast<slot_id>(s));
      if (!again) lengths += 1 - static_cast<double>(best_kernel().ip(v, v, &dim));
      for (size_t j = 0; j < dim; j++) {
        const double x = static_cast<double>(v[j]) - mean[j];
        const bool in = !again || std::fabs(x - middle[j]) <= far * deviation[j];
        sum[j] += in ? x : 0;
        squared[j] += in ? x * x : 0;
        n[j] += in;
      }
    }
    for (size_t j = 0; j < dim; j++) {
      if (again && static_cast<double>(n[j]) < (1 - little) * static_cast<double>(of)) continue;
      const double size = static_cast<double>(n[j]);
      middle[j] = sum[j] / size;
      deviation[j] = std::sqrt(std::max(0.0, squared[j] / size - middle[j] * middle[j]));
    }
    if (!again) lengths /= static_cast<double>(of);
  }
  step.resize(dim);
  inverse.resize(dim);
  bias = 0;
  double most = 0;
  for (size_t j = 0; j < dim; j++) {
    most = std::max(most, deviation[j] + std::fabs(mean[j] + middle[j]));
    mean[j] = static_cast<float>(mean[j] + middle[j]);
    step[j] = static_cast<float>(bits == 4 ? 2 * range4 * deviation[j] / 15 : 2 * range8 * deviation[j] / 254);
    inverse[j] = step[j] > 0 ? 1 / step[j] : 0;
    if (!std::isfinite(inverse[j])) step[j] = inverse[j] = 0;
    bias += step[j] * step[j] / 12;  // the variance of a number that is rounded
  }
  length = static_cast<float>(std::sqrt(lengths));
  const float widest = *std::max_element(step.begin(), step.end());
  unit = widest * widest * reach(bits) / 127;
  weight.resize(dim);
  for (size_t j = 0; j < dim; j++) weight[j] = unit > 0 ? step[j] * step[j] / unit : 0;
  // Squares of these, and sums of dim of them, have to be floats of full precision.
  constexpr double largest = FLT_MAX / 1e6;
  return widest > 1e-15f && length > 1e-15f && most * most * static_cast<double>(dim) < largest && lengths < largest;
}

void codes::put(slot_id s, const float *v) {
  const kernel &k = best_kernel();
  uint8_t *row = reinterpret_cast<uint8_t *>(block.data()) + s * lines * cache_line;
  constexpr size_t piece = 2 * cache_line;
  const code_range range = bits == 4 ? code_range{centre4, 0, 15} : code_range{centre8, 1, 255};
  fit all{};
  for (size_t from = 0; from < dim; from += piece) {
    const size_t n = std::min(piece, dim - from);
    const float *m = mean.data() + from;
    uint8_t c[piece] = {};
    float told[piece];
    k.encode(v + from, m, inverse.data() + from, n, range, c);
    k.decode(c, 8, m, step.data() + from, n, centre, told);
    const fit here = k.judge(v + from, told, m, n);
    all = {all.told + here.told, all.all + here.all, all.lost + here.lost};
    if (bits == 4) {
      for (size_t j = 0; j < cache_line; j++) row[j] = static_cast<uint8_t>(c[j] | c[j + cache_line] << 4);
      row += cache_line;
    } else {
      memcpy(row, c, round_up(n, cache_line));
      row += piece;
    }
  }
  if (!(all.lost <= misfit_error * all.all + bias)) {
    squares[s] = NAN;
  } else {
    squares[s] = space == HNSW_L2 ? all.told : all.told - (1 - k.ip(v, v, &dim));
  }
}

void codes::tell(slot_id s, float *out) const {
  const uint8_t *row = reinterpret_cast<const uint8_t *>(block.data()) + s * lines * cache_line;
  best_kernel().decode(row, bits, mean.data(), step.data(), dim, centre, out);
}

code_scorer::code_scorer(const codes &c, const vectors &rows, distance_fn exact)
    : c(c),
      rows(rows),
      exact(exact),
      codes_at(reinterpret_cast<const uint8_t *>(c.block.data())),
      squares(c.squares.data()),
      lines(c.lines),
      dot(c.dot),
      room(c.lines * (c.bits == 4 ? 2 : 1) * cache_line + cache_line),
      scaled(c.dim) {
  void *start = room.data();
  size_t space = room.size();
  weights = static_cast<int8_t *>(std::align(cache_line, room.size() - cache_line, start, space));
}

void code_scorer::aim(const float *v) {
  from = v;
  const bool l2 = c.space == HNSW_L2;
  const float squared = l2 ? 0 : std::fabs(1 - best_kernel().ip(v, v, &c.dim));
  // So that it is as long as the vectors are; a query of length 0 is at 1 from all.
  const float scale = l2 || !(squared > 0) ? 1 : c.length / std::sqrt(squared);
  const kernel &k = best_kernel();
  const weighed y = k.weigh(v, scale, c.mean.data(), c.step.data(), c.dim, scaled.data());
  const float to_bytes = y.most > FLT_MIN * 1e6f ? 127 / y.most : 0, unit = to_bytes > 0 ? y.most / 127 : 0;
  const int32_t sum = k.round(scaled.data(), to_bytes, c.dim, weights);
  // Of the squared distance, in l2 or between the scaled query and a vector.
  base = y.squares + 2 * unit * c.centre * static_cast<float>(sum) - c.bias;
  slope = 2 * unit;
  part = 1;
  if (!l2) {
    const float half = 0.5f / scale;
    base = 1 + half * (base - scale * scale * squared);
    slope *= half;
    part = half;
  }
}

void code_scorer::aim_at(slot_id s) {
  from = rows.at(s);
  if (c.misfit(s)) return aim(from);
  const uint8_t *row = codes_at + s * lines * cache_line;
  const int32_t sum = best_kernel().reweigh(row, c.bits, c.weight.data(), c.dim, c.centre, weights);
  // Of the squared distance, as in aim. For inner products squares are less those of the vectors, and so
  // 1 and half of it is the distance. Both lengths are too long by the bias, of which one is taken off: what links
  // are chosen by errs towards keeping one. Of clusters in 768 dimensions, by 4 bits at ef 80, the graph has a recall
  // of 0.935 so, and 0.930 where both are.
  const bool l2 = c.space == HNSW_L2;
  part = l2 ? 1 : 0.5f;
  base = part * (squares[s] + 2 * c.unit * c.centre * static_cast<float>(sum) - c.bias) + (l2 ? 0 : 1);
  slope = part * 2 * c.unit;
}

float code_scorer::noise(float d) const {
  // Of the squared distance: twice its root times the rounding along it, and the rounding's own square.
  const float squared = c.space == HNSW_L2 ? d : (d - 1) / part + 2 * c.length * c.length;
  return part * (c.bias + 2 * std::sqrt(std::max(squared, 0.0f) * c.bias / static_cast<float>(c.dim)));
}

void code_scorer::measure_misfits(const slot_id *s, size_t n, float *out) const {
  for (size_t i = 0; i < n; i++) {
    if (c.misfit(s[i])) out[i] = exact(from, rows.at(s[i]), &rows.dim);
  }
}

}  // namespace minnow
