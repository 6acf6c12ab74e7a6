#include "kernel.h"

#include <cstdlib>
#include <cstring>

#include "kernel_list.h"

namespace minnow {
namespace {

bool always() { return true; }

constexpr kernel kernels[] = {
#if defined(__x86_64__)
    {"avx512vnni", has_avx512vnni, l2_avx512, ip_avx512, dot8_avx512vnni, dot4_avx512vnni, avx512::weigh,
     avx512::round, avx512::encode, avx512::decode, avx512::reweigh, avx512::judge},
    {"avx512", has_avx512, l2_avx512, ip_avx512, dot8_avx512, dot4_avx512, avx512::weigh,
     avx512::round, avx512::encode, avx512::decode, avx512::reweigh, avx512::judge},
    {"avx2", has_avx2, l2_avx2, ip_avx2, dot8_avx2, dot4_avx2, avx2::weigh,
     avx2::round, avx2::encode, avx2::decode, avx2::reweigh, avx2::judge},
#elif defined(__aarch64__)
    {"neondot", has_neondot, l2_neon, ip_neon, dot8_neondot, dot4_neondot, baseline::weigh,
     baseline::round, baseline::encode, baseline::decode, baseline::reweigh, baseline::judge},
    {"neon", always, l2_neon, ip_neon, dot8_neon, dot4_neon, baseline::weigh,
     baseline::round, baseline::encode, baseline::decode, baseline::reweigh, baseline::judge},  // part of every arm64
#endif
    {"portable", always, l2_portable, ip_portable, dot8_portable, dot4_portable, baseline::weigh,
     baseline::round, baseline::encode, baseline::decode, baseline::reweigh, baseline::judge},
};

}  // namespace

size_t kernel_count() noexcept { return sizeof kernels / sizeof kernels[0]; }

const kernel &kernel_at(size_t i) noexcept { return kernels[i]; }

size_t best_kernel_index() noexcept {
  static const size_t best = [] {
    const char *wanted = std::getenv("MINNOW_KERNEL");
    size_t first = kernel_count();
    for (size_t i = kernel_count(); i-- > 0;) {
      if (!kernels[i].usable()) continue;
      if (wanted && std::strcmp(wanted, kernels[i].name) == 0) return i;
      first = i;
    }
    return first;  // the last is usable anywhere
  }();
  return best;
}

const kernel &best_kernel() noexcept { return kernels[best_kernel_index()]; }

}  // namespace minnow
