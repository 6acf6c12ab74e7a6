#include "set.h"

#include <cstdlib>
#include <cstring>

#include "encoder.h"

namespace minnow::encoder {
namespace {

bool always() { return true; }

#define LOOPS(set) set::floats, set::gelu, set::normalize, set::attend, set::pool
constexpr set sets[] = {
#if defined(__x86_64__)
    {"avx512vnni", has_avx512vnni, false, tile_avx512vnni, LOOPS(avx512)},
    {"avx512", has_avx512, false, tile_avx2, LOOPS(avx512)},
    {"avx2", has_avx2, false, tile_avx2, LOOPS(avx2)},
#elif defined(__aarch64__)
    {"neondot", has_neondot, true, tile_neondot, LOOPS(baseline)},
    {"neon", always, true, tile_neon, LOOPS(baseline)},  // part of every arm64
#endif
    {"portable", always, false, tile_portable, LOOPS(baseline)},
};
#undef LOOPS

}  // namespace

size_t set_count() noexcept { return sizeof sets / sizeof sets[0]; }

const set &set_at(size_t i) noexcept { return sets[i]; }

size_t best_set() noexcept {
  static const size_t best = [] {
    const char *wanted = std::getenv("MINNOW_KERNEL");
    size_t first = set_count();
    for (size_t i = set_count(); i-- > 0;) {
      if (!sets[i].usable()) continue;
      if (wanted && std::strcmp(wanted, sets[i].name) == 0) return i;
      first = i;
    }
    return first;  // the last is usable anywhere
  }();
  return best;
}

}  // namespace minnow::encoder

using namespace minnow::encoder;

size_t encoder_set_count(void) { return set_count(); }
const char *encoder_set_name(size_t i) { return set_at(i).name; }
int32_t encoder_set_usable(size_t i) { return set_at(i).usable(); }
size_t encoder_set_best(void) { return best_set(); }
