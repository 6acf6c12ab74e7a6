// How the shim fails: internals throw failure, entries turn it into a status.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "hnsw.h"

namespace minnow {

// A refusal with a code, found by our own checks.
struct failure final : std::exception {
  int32_t code;
  char msg[sizeof(hnsw_status::msg)];

  const char *what() const noexcept override { return msg; }
};

[[noreturn]] __attribute__((format(printf, 2, 3))) inline void fail(int32_t code, const char *format, ...) {
  failure f;
  f.code = code;
  va_list args;
  va_start(args, format);
  vsnprintf(f.msg, sizeof f.msg, format, args);
  va_end(args);
  throw f;
}

inline void set(hnsw_status *st, int32_t code, const char *msg) noexcept {
  st->code = code;
  snprintf(st->msg, sizeof st->msg, "%s", msg);
}

// Runs body and reports how it ended. Every fallible entry is one guard.
template <class F>
void guard(hnsw_status *st, F &&body) noexcept {
  st->code = HNSW_OK;
  st->msg[0] = 0;
  try {
    std::forward<F>(body)();
  } catch (const failure &f) {
    set(st, f.code, f.msg);
  } catch (const std::bad_alloc &) {
    set(st, HNSW_NO_MEMORY, "out of memory");
  } catch (const std::exception &e) {
    set(st, HNSW_INTERNAL, e.what());
  } catch (...) {
    set(st, HNSW_INTERNAL, "unknown C++ exception");
  }
}

}  // namespace minnow
