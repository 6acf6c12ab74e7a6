#include "block.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "status.h"

namespace minnow {
namespace {

// The sanitizers see neither past the end of a mapping nor its moves.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

constexpr size_t huge_page = size_t{2} << 20;  // on x86-64, and on arm64 with 4 KiB pages
constexpr size_t small_page = 4096;

// Memory of at least `bytes` from a huge page's border on, of no use yet:
// neither readable nor counted. Null if there is none.
char *address_space(size_t bytes) {
  void *wide = mmap(nullptr, bytes + huge_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (wide == MAP_FAILED) return nullptr;
  char *begin = static_cast<char *>(wide);
  char *at = reinterpret_cast<char *>(round_up(reinterpret_cast<uintptr_t>(begin), huge_page));
  if (at > begin) munmap(begin, static_cast<size_t>(at - begin));
  munmap(at + bytes, static_cast<size_t>(begin + huge_page - at));
  return at;
}

// What is left over at the end gets a huge page where it fills half of one.
size_t whole_pages(size_t bytes) {
  const size_t small = round_up(bytes, 16 * small_page);
  return small % huge_page < huge_page / 2 ? small : round_up(small, huge_page);
}

void free_memory(char *start, size_t length) {
  if (start) munmap(start, length);
}

char *resized(char *start, size_t length, size_t bytes) {
  if (bytes < length) {
    munmap(start + bytes, length - bytes);
    return start;
  }
  char *to = address_space(bytes);
  if (!to) throw std::bad_alloc();
  void *got = start ? mremap(start, length, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to)
                    : mmap(to, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (got == MAP_FAILED) {
    munmap(to, bytes);
    throw std::bad_alloc();
  }
  // A wish: where it is refused, nothing is lost but speed.
  madvise(to, bytes, MADV_HUGEPAGE);
  return to;
}

#else

size_t whole_pages(size_t bytes) { return round_up(bytes, cache_line); }

void free_memory(char *start, size_t) { free(start); }

char *resized(char *start, size_t length, size_t bytes) {
  char *to = static_cast<char *>(aligned_alloc(cache_line, bytes));
  if (!to) throw std::bad_alloc();
  if (start) memcpy(to, start, std::min(length, bytes));
  if (bytes > length) memset(to + length, 0, bytes - length);
  free(start);
  return to;
}

#endif

}  // namespace

memory_block::~memory_block() { release(); }

void memory_block::release() {
  if (file < 0) {
    free_memory(start, length);
  } else {
    if (start) munmap(start, length);
    close(file);
    file = -1;
  }
  start = nullptr;
  length = 0;
}

void memory_block::resize_file(size_t bytes) {
  if (file < 0) {
    std::string name = folder + "/minnow-vectors-XXXXXX";
    file = mkstemp(name.data());
    if (file < 0) fail(HNSW_NO_SPACE, "a file in %s: %s", folder.c_str(), strerror(errno));
    unlink(name.c_str());
  }
#if defined(__linux__)
  if (bytes > length) {
    if (const int error = posix_fallocate(file, 0, static_cast<off_t>(bytes))) {
      fail(HNSW_NO_SPACE, "%zu bytes for vectors in %s: %s", bytes, folder.c_str(), strerror(error));
    }
  }
#else
  if (bytes > length && ftruncate(file, static_cast<off_t>(bytes)) != 0) {
    fail(HNSW_NO_SPACE, "%zu bytes for vectors in %s: %s", bytes, folder.c_str(), strerror(errno));
  }
#endif
  void *to = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (to == MAP_FAILED) throw std::bad_alloc();
  madvise(to, bytes, MADV_RANDOM);  // a query reads some rows here and there
  if (start) munmap(start, length);
  // A file that stays longer than needed does no harm.
  if (bytes < length && ftruncate(file, static_cast<off_t>(bytes)) != 0) errno = 0;
  start = static_cast<char *>(to);
}

void memory_block::resize(size_t bytes) {
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  bytes = whole_pages(bytes);
  if (bytes == length) return;
  if (!folder.empty()) {
    resize_file(bytes);
    length = bytes;
    return;
  }
  start = resized(start, length, bytes);
  length = bytes;
}

}  // namespace minnow
