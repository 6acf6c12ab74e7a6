// Holds the kernels to a float64 oracle, on every dimension from 1 to 130 and
// on 384, 768 and 1536, at every alignment, and their dot products to int64
// ones: what kernel_test.go does, for machines that have no Go. See arm64.sh.
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
    (bits == 8 ? k.dot8 : k.dot4)(codes[0].bytes, lines, ids, n, q, out.data() + 8);
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
    printf("%s: %zu distances, dot products of %zu tables\n", kernel_at(i).name, checked, tables);
  }
  return failed != 0;
}
