// Holds the kernels to a float64 oracle, on every dimension from 1 to 130 and
// on 384, 768 and 1536, at every alignment: what kernel_test.go does, for
// machines that have no Go. See arm64.sh.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "../kernel.h"

int main() {
  using minnow::kernel_at;
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
    printf("%s: %zu distances\n", kernel_at(i).name, checked);
  }
  return failed != 0;
}
