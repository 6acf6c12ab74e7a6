#include "vectors.h"

#include <algorithm>

namespace minnow {

// A long row starts on a cache line: one that lies across one line more than it fills costs a query
// 4 to 8 %. Below this the gaps would be too large a part of a row.
constexpr size_t long_row = 512;

vectors::vectors(size_t dim, const std::string &folder)
    : dim(dim),
      stride(dim * sizeof(float) < long_row ? dim * sizeof(float) : round_up(dim * sizeof(float), cache_line)),
      folder(folder),
      block(folder),
      expected(std::min(dim * sizeof(float), 96 * cache_line)) {}

}  // namespace minnow
