// The candidates of a walk: one sorted array for what upstream keeps in two
// heaps. An entry is a distance, a slot and whether it was looked at, in one
// word. The array ends with the ef-th entry that an answer may contain: no
// candidate beyond that can matter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "upstream.h"

namespace minnow {

using slot_id = hnswlib::tableint;

// Candidates in ascending order of distance, ties by slot.
class candidates {
 public:
  using entry = uint64_t;

  static slot_id slot_of(entry e) { return static_cast<slot_id>(e >> 1) & 0x7fffffff; }
  static float distance_of(entry e) {
    const uint32_t bits = static_cast<uint32_t>(e >> 32);
    const uint32_t raw = bits & 0x80000000u ? bits ^ 0x80000000u : ~bits;
    float d;
    memcpy(&d, &raw, sizeof d);
    return d;
  }

  // Begins anew, to end with the ef-th slot that an answer may contain.
  void clear(size_t wanted) {
    ef = wanted;
    size = kept = next = 0;
    // A walk with a narrow filter may have made it much longer than others need.
    if (entries.size() > ordinary && entries.size() > 8 * ef) entries = std::vector<entry>();
    if (entries.size() < ef + 1) entries.resize(ef + 1);
  }

  // Whether a slot so far away can still matter.
  bool admits(float d) const { return kept < ef || order(d) < entries[size - 1] >> 32; }

  // Adds a slot that it admits. keep says of a slot whether an answer may contain it.
  template <class Keep>
  void add(float d, slot_id s, Keep &&keep) {
    const entry e = order(d) << 32 | static_cast<entry>(s) << 1;
    if (size == entries.size()) entries.resize(2 * size);
    entry *const first = entries.data();
    entry *const at = std::lower_bound(first, first + size, e);
    memmove(at + 1, at, static_cast<size_t>(first + size - at) * sizeof(entry));
    *at = e;
    size++;
    next = std::min(next, static_cast<size_t>(at - first));
    if (!keep(s) || ++kept < ef) return;
    if (kept > ef) {
      kept--;
      size--;  // the last is one that an answer might have contained
    }
    while (!keep(slot_of(entries[size - 1]))) size--;
  }

  // The nearest that was not looked at, which then was; false if there is none.
  bool take(slot_id *s) {
    while (next < size && entries[next] & 1) next++;
    if (next >= size) return false;
    *s = slot_of(entries[next]);
    entries[next++] |= 1;
    return true;
  }

  // The one that take would return now, if there is one.
  bool peek(slot_id *s) const {
    size_t i = next;
    while (i < size && entries[i] & 1) i++;
    if (i >= size) return false;
    *s = slot_of(entries[i]);
    return true;
  }

  const entry *begin() const { return entries.data(); }
  const entry *end() const { return entries.data() + size; }

 private:
  // Integers in the order of the floats.
  static entry order(float d) {
    uint32_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits ^ 0x80000000u;
  }

  static constexpr size_t ordinary = 1 << 14;

  std::vector<entry> entries;
  size_t ef = 0, size = 0;
  size_t kept = 0;  // how many an answer may contain
  size_t next = 0;  // none before was not looked at
};

}  // namespace minnow
