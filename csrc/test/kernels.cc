// Holds the kernels to a float64 oracle, on every dimension from 1 to 130 and
// on 384, 768 and 1536, at every alignment, and their dot products to int64
// ones: what kernel_test.go does, for machines that have no Go. See arm64.sh.
// And the loops that make codes and queries of vectors to a plain one in float64.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "../kernel.h"

namespace {

using minnow::kernel_at;

struct alignas(64) line {
  uint8_t bytes[64] = {};
};

// Codes: random, largest, smallest, ones, extreme; queries: random, largest, smallest, alternating.
constexpr size_t code_kinds = 5, query_kinds = 4;

uint8_t code(size_t kind, uint32_t random, uint8_t most) {
  const uint8_t kinds[code_kinds] = {static_cast<uint8_t>(1 + random % most), most, static_cast<uint8_t>(most == 255),
                                     1, random % 2 != 0 ? most : uint8_t{1}};
  return kinds[kind];
}

int8_t number(size_t kind, uint32_t random, size_t j) {
  const int kinds[query_kinds] = {static_cast<int>(random % 255) - 127, 127, -127, j % 2 == 0 ? 127 : -127};
  return static_cast<int8_t>(kinds[kind]);
}

// Checks sums of dim places: beyond them the query is 0, and the codes are anything. Returns how many are wrong.
int check_dot(size_t kernel, size_t bits, size_t dim, size_t codes_of, size_t query_of, std::mt19937 &random) {
  constexpr size_t rows = 7;
  constexpr int32_t untouched = -0x5eed;
  const uint8_t most = static_cast<uint8_t>((1 << bits) - 1);
  const size_t in_line = 512 / bits, lines = (dim + in_line - 1) / in_line;
  std::vector<line> query(in_line / 64 * lines), codes(rows * lines);
  int8_t *q = reinterpret_cast<int8_t *>(query[0].bytes);
  for (size_t j = 0; j < dim; j++) q[j] = number(query_of, random(), j);
  int64_t want[rows] = {};
  for (size_t row = 0; row < rows; row++) {
    for (size_t j = 0; j < lines * in_line; j++) {
      const uint8_t c = j < dim ? code(codes_of, random(), most) : static_cast<uint8_t>(random() & most);
      want[row] += int64_t{c} * q[j];
      codes[row * lines + j / in_line].bytes[j % 64] |= static_cast<uint8_t>(c << (j % in_line / 64 * bits));
    }
  }
  int failed = 0;
  for (size_t n = 0; n < 10; n++) {
    uint32_t ids[10];
    for (uint32_t &id : ids) id = random() % rows;
    std::vector<int32_t> out(n + 16, untouched);
    const minnow::kernel &k = kernel_at(kernel);
    minnow::dot_all(bits == 8 ? k.dot8 : k.dot4, codes[0].bytes, lines, ids, n, q, out.data() + 8);
    for (size_t i = 0; i < out.size(); i++) {
      const int64_t wanted = i >= 8 && i < 8 + n ? want[ids[i - 8]] : untouched;
      if (out[i] == wanted) continue;
      printf("%s, %zu bits, dimension %zu, codes %zu, query %zu, number %zu - 8 of %zu: %d, want %lld\n", k.name, bits,
             dim, codes_of, query_of, i, n, out[i], static_cast<long long>(wanted));
      failed++;
    }
  }
  return failed;
}

// Counts what is not as it should be, and says the first few.
struct checker {
  const char *kernel;
  size_t dim;
  int failed = 0;

  void near(const char *what, size_t j, double got, double want, double most) {
    if (std::fabs(got - want) <= most) return;
    if (failed++ >= 5) return;
    printf("%s, dimension %zu: %s %zu is %g, want %g within %g\n", kernel, dim, what, j, got, want, most);
  }
};

// Checks the loops. What they round may be told apart from a tie by no more than float's own rounding.
int check_loops(size_t kernel, size_t dim, std::mt19937 &random) {
  constexpr double half = 0.5 + 1e-4;
  const minnow::kernel &k = kernel_at(kernel);
  checker check{k.name, dim};
  std::normal_distribution<float> gauss;
  std::uniform_real_distribution<float> share(0.1f, 1);
  std::vector<float> v(dim), mean(dim), step(dim), inverse(dim), out(dim), weight(dim);
  for (size_t j = 0; j < dim; j++) {
    v[j] = gauss(random);
    mean[j] = gauss(random);
    step[j] = share(random);
    inverse[j] = 1 / step[j];
    weight[j] = share(random);
  }
  const float factor = share(random);
  const minnow::weighed y = k.weigh(v.data(), factor, mean.data(), step.data(), dim, out.data());
  double most = 0, squares = 0;
  for (size_t j = 0; j < dim; j++) {
    const double d = static_cast<double>(factor) * v[j] - mean[j], want = d * step[j];
    check.near("weighed", j, out[j], want, 1e-5);
    most = std::max(most, std::fabs(want));
    squares += d * d;
  }
  check.near("the greatest of what is weighed", 0, y.most, most, 1e-5);
  check.near("the squares of what is weighed", 0, y.squares, squares, 1e-5 * squares);

  std::vector<int8_t> numbers(dim);
  int32_t sum = k.round(out.data(), 127 / y.most, dim, numbers.data());
  for (size_t j = 0; j < dim; j++) {
    check.near("rounded", j, numbers[j], static_cast<double>(out[j]) * 127 / y.most, half);
    sum -= numbers[j];
  }
  check.near("the sum of what is rounded, less what it is of", 0, sum, 0, 0);

  for (const int bits : {8, 4}) {
    const minnow::code_range range = bits == 8 ? minnow::code_range{128, 1, 255} : minnow::code_range{7.5f, 0, 15};
    std::vector<uint8_t> codes(dim), row((dim + 511) / 512 * 512);
    for (size_t j = 0; j < dim; j++) inverse[j] = (bits == 8 ? 40 : 3) / step[j];
    k.encode(v.data(), mean.data(), inverse.data(), dim, range, codes.data());
    for (size_t j = 0; j < dim; j++) {
      const double place = (static_cast<double>(v[j]) - mean[j]) * inverse[j] + range.centre;
      check.near("code", j, codes[j], std::min<double>(std::max<double>(place, range.least), range.most), half);
      row[bits == 8 ? j : j / 128 * 64 + j % 64] |= static_cast<uint8_t>(codes[j] << (bits == 4 && j / 64 % 2 ? 4 : 0));
    }
    k.decode(row.data(), bits, mean.data(), step.data(), dim, range.centre, out.data());
    double told = 0, all = 0, lost = 0;
    for (size_t j = 0; j < dim; j++) {
      check.near("decoded", j, out[j], mean[j] + static_cast<double>(step[j]) * (codes[j] - range.centre), 1e-4);
      const double t = static_cast<double>(out[j]) - mean[j], is = static_cast<double>(v[j]) - mean[j];
      told += t * t;
      all += is * is;
      lost += (is - t) * (is - t);
    }
    const minnow::fit fit = k.judge(v.data(), out.data(), mean.data(), dim);
    check.near("what is told", 0, fit.told, told, 1e-5 * told);
    check.near("all there is", 0, fit.all, all, 1e-5 * all);
    check.near("what is lost", 0, fit.lost, lost, 1e-5 * (told + all));
    sum = k.reweigh(row.data(), bits, weight.data(), dim, range.centre, numbers.data());
    for (size_t j = 0; j < dim; j++) {
      check.near("reweighed", j, numbers[j], static_cast<double>(weight[j]) * (codes[j] - range.centre), half);
      sum -= numbers[j];
    }
    check.near("the sum of what is reweighed, less what it is of", 0, sum, 0, 0);
  }
  return check.failed;
}

}  // namespace

int main() {
  std::vector<size_t> dims{384, 768, 1536};
  for (size_t d = 1; d <= 130; d++) dims.push_back(d);
  std::mt19937 random(7);
  std::normal_distribution<float> gauss;
  int failed = 0;
  for (size_t i = 0; i < minnow::kernel_count(); i++) {
    if (!kernel_at(i).usable()) {
      printf("%s: not on this processor\n", kernel_at(i).name);
      continue;
    }
    size_t checked = 0;
    for (const size_t dim : dims) {
      for (size_t offset = 0; offset < 16; offset++) {
        // NaN around them is found by a kernel that reads too far.
        std::vector<float> a(dim + 48, NAN), b(dim + 48, NAN);
        float *x = a.data() + offset, *y = b.data() + 15 - offset;
        double l2 = 0, ip = 1, sizes = 1;
        for (size_t j = 0; j < dim; j++) {
          x[j] = gauss(random);
          y[j] = gauss(random);
          const double dx = x[j], dy = y[j];
          l2 += (dx - dy) * (dx - dy);
          ip -= dx * dy;
          sizes += (std::fabs(dx) + std::fabs(dy)) * (std::fabs(dx) + std::fabs(dy));
        }
        // The bound of kernel_test.go: each addition that a running sum sees errs by half a unit in the last place.
        const double most = sizes * static_cast<double>(dim / 4 + 8) * std::ldexp(1, -24);
        const double got_l2 = kernel_at(i).l2(x, y, &dim), got_ip = kernel_at(i).ip(x, y, &dim);
        if (!(std::fabs(got_l2 - l2) <= most) || !(std::fabs(got_ip - ip) <= most)) {
          printf("%s, dimension %zu, offset %zu: l2 %g, want %g; ip %g, want %g (within %g)\n", kernel_at(i).name, dim,
                 offset, got_l2, l2, got_ip, ip, most);
          failed++;
        }
        checked += 2;
      }
    }
    for (const size_t dim : dims) failed += check_loops(i, dim, random);
    size_t tables = 0;
    dims.push_back(65536);
    for (const size_t dim : dims) {
      for (size_t kinds = 0; kinds < code_kinds * query_kinds; kinds++) {
        for (const size_t bits : {8, 4}) {
          failed += check_dot(i, bits, dim, kinds % code_kinds, kinds / code_kinds, random);
          tables++;
        }
      }
    }
    dims.pop_back();
    printf("%s: %zu distances, dot products of %zu tables, loops of %zu dimensions\n", kernel_at(i).name, checked,
           tables, dims.size());
  }
  return failed != 0;
}
