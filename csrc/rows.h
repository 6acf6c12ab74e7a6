// The memory of level 0: a row for each slot, with links, label and vector.
//
// Upstream packs a row without gaps, and leaves its address to malloc: at M 16
// a vector starts 132 bytes into a row and lies across one cache line more than
// it fills, as does each 64-byte load from it. Here a long vector starts on a
// line. With that a walk answers 1.05 times the queries (WordNet glosses, 384
// dimensions, ef 80). And the block starts on a huge page, all of it is on huge
// pages where the system allows, and it grows without being copied.
#pragma once

#include <cstddef>

#include "upstream.h"

namespace minnow {

constexpr size_t cache_line = 64;

// Where upstream finds the parts of a row, in bytes from its start. Links are
// at 0; the label is in the gap before the vector.
struct row_layout {
  size_t label, vector, bytes;
};

row_layout layout_for(size_t links_bytes, size_t vector_bytes);

// A block of memory that upstream's graph borrows, starting on a cache line.
// Bytes that no row was written to have no memory behind them.
class row_block {
 public:
  row_block() = default;
  row_block(const row_block &) = delete;
  row_block &operator=(const row_block &) = delete;
  ~row_block();

  // Makes it `bytes` long, at least 1, and keeps what is there. On bad_alloc,
  // which growing can end in, it is as it was. What data returned before is void.
  void resize(size_t bytes);
  char *data() const { return start; }

 private:
  char *start = nullptr;
  size_t length = 0;
};

}  // namespace minnow
