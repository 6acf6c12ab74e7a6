// Memory that grows: of links, of vectors, of codes. It starts on a huge page, lies on huge pages where the system
// allows, and grows by moving pages, not bytes. A walk through a graph goes all over it, so what a page table costs
// shows: without huge pages a query takes 1.14 times as long (WordNet's glosses, 384 dimensions).
#pragma once

#include <cstddef>
#include <string>

namespace minnow {

constexpr size_t cache_line = 64;

constexpr size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

// A block of bytes that starts on a cache line. Bytes that nothing was written to have no memory behind them, and are 0.
class memory_block {
 public:
  memory_block() = default;
  memory_block(const memory_block &) = delete;
  memory_block &operator=(const memory_block &) = delete;
  ~memory_block();

  // Makes it `bytes` long, at least 1, and keeps what is there. On bad_alloc,
  // which growing can end in, it is as it was. What data returned before is void.
  void resize(size_t bytes);
  char *data() const { return start; }
  size_t size() const { return length; }

 private:
  char *start = nullptr;
  size_t length = 0;
};

}  // namespace minnow
