// Which slot a label is current in: a hash table of slots alone, as the labels
// themselves stand in an array by slot. 6 to 12 bytes a label, where
// std::unordered_map takes 40.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vectors.h"

namespace minnow {

class label_map {
 public:
  static constexpr slot_id none = UINT32_MAX;

  // labels[s] must be s's label from the put of s on. It may move and grow.
  explicit label_map(const std::vector<uint64_t> &labels) : labels(labels), table(least, none) {}

  size_t size() const { return used; }
  size_t bytes() const { return table.capacity() * sizeof(slot_id); }

  // Makes room for n labels, so that no put of fewer allocates.
  void reserve(size_t n) {
    size_t want = least;
    while (want < n + n / 2) want *= 2;
    if (want > table.size()) rehash(want);
  }

  void clear() {
    std::fill(table.begin(), table.end(), none);
    used = gone = 0;
  }

  // The label's slot, or none.
  slot_id at(uint64_t label) const {
    const size_t i = find(label);
    return i == table.size() ? none : table[i];
  }

  // Makes s the label's slot.
  void put(uint64_t label, slot_id s) {
    if (const size_t i = find(label); i < table.size()) {
      table[i] = s;
      return;
    }
    if (used + gone + 1 > table.size() - table.size() / 3) {
      rehash(used + used / 2 > table.size() / 2 ? 2 * table.size() : table.size());  // or but for what is gone
    }
    size_t i = home(label);
    while (table[i] < erased) i = next(i);
    gone -= table[i] == erased;
    table[i] = s;
    used++;
  }

  void erase(uint64_t label) {
    const size_t i = find(label);
    if (i == table.size()) return;
    table[i] = erased;
    used--;
    gone++;
  }

  // Calls f with every slot that is a label's.
  template <class F>
  void each(F &&f) const {
    for (const slot_id s : table) {
      if (s < erased) f(s);
    }
  }

 private:
  static constexpr slot_id erased = none - 1;  // no slot has such a number: HNSW_MAX_SLOTS
  static constexpr size_t least = 16;

  size_t home(uint64_t label) const {
    // Labels in a row would fill a stretch of the table: mixed as MurmurHash3 ends.
    label ^= label >> 33;
    label *= 0xff51afd7ed558ccd;
    label ^= label >> 33;
    label *= 0xc4ceb9fe1a85ec53;
    label ^= label >> 33;
    return label & (table.size() - 1);
  }
  size_t next(size_t i) const { return (i + 1) & (table.size() - 1); }

  size_t find(uint64_t label) const {
    for (size_t i = home(label); table[i] != none; i = next(i)) {
      if (table[i] != erased && labels[table[i]] == label) return i;
    }
    return table.size();
  }

  void rehash(size_t size) {
    std::vector<slot_id> old(size, none);
    old.swap(table);
    gone = 0;
    for (const slot_id s : old) {
      if (s >= erased) continue;
      size_t i = home(labels[s]);
      while (table[i] != none) i = next(i);
      table[i] = s;
    }
  }

  const std::vector<uint64_t> &labels;
  std::vector<slot_id> table;  // a power of two of places, a third of them free
  size_t used = 0, gone = 0;
};

}  // namespace minnow
