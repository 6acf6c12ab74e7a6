// The candidates of a walk: one sorted array for what upstream keeps in two
// heaps. An entry is a distance, a slot and whether it was looked at, in one
// word. The array ends with the ef-th entry that an answer may contain: no
// candidate beyond that can matter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "vectors.h"

namespace minnow {

// Where a walk ends before its list is exhausted: where what is left is farther than the k-th
// nearest so far, by more than a share of that one's distance.
//
// Distances count from floor, the least there can be. noise is what
// an estimate of a distance may be wrong by.
struct stop {
  size_t k = 0;      // 0: it does not
  size_t least = 0;  // that so many are near enough, k or more, whatever their distances
  float slack = 0;
  float floor = 0, noise = 0;

  // What lies within is never dropped, however many they are.
  float radius = -std::numeric_limits<float>::infinity();

  float beyond(float kth) const { return kth + slack * std::max(kth - floor, 0.0f) + noise; }
};

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

  // Begins anew, to end with the ef-th slot that an answer may contain, or by rule.
  void clear(size_t wanted, const stop &rule = {}) {
    ef = wanted;
    size = kept = next = 0;
    end_rule = rule;
    inside = order(rule.radius);
    limit = UINT64_MAX;
    beyond_radius = after(rule.radius);
    beyond_limit = std::numeric_limits<float>::infinity();
    nearest.clear();
    // A walk with a narrow filter may have made it much longer than others need.
    if (entries.size() > ordinary && entries.size() > 8 * ef) entries = std::vector<entry>();
    if (entries.size() < ef + 1) entries.resize(ef + 1);
  }

  // Only slots nearer than this can matter. Not those as far as the last: of vectors that are all alike a walk would
  // find no end.
  float bound() const {
    const float last = kept < ef ? std::numeric_limits<float>::infinity() : distance_of(entries[size - 1]);
    return std::min(std::max(last, beyond_radius), beyond_limit);
  }

  // Adds a slot nearer than the bound. keep says of a slot whether an answer may contain it.
  template <class Keep>
  void add(float d, slot_id s, Keep &&keep) {
    const entry e = order(d) << 32 | static_cast<entry>(s) << 1;
    if (size == entries.size()) entries.resize(2 * size);
    entry *const first = entries.data();
    entry *const at = first + place_of(e);
    memmove(at + 1, at, static_cast<size_t>(first + size - at) * sizeof(entry));
    *at = e;
    size++;
    next = std::min(next, static_cast<size_t>(at - first));
    if (!keep(s)) return;
    if (end_rule.k) note(d);
    if (++kept < ef) return;
    if (kept > ef && entries[size - 1] >> 32 > inside) {
      kept--;
      size--;  // the last is one that an answer might have contained
    }
    while (!keep(slot_of(entries[size - 1])) && entries[size - 1] >> 32 > inside) size--;
  }

  // The nearest that was not looked at, which then was; false if there is none.
  bool take(slot_id *s) {
    while (next < size && entries[next] & 1) next++;
    if (next >= size || entries[next] >> 32 > limit) return false;
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

  // The next float.
  static float after(float d) { return distance_of((order(d) + 1) << 32); }

  // How many entries come before e: a search by quarters, whose steps are no branches, as nobody can foresee them, and
  // half as many as those of a search by halves. A build spends a tenth of its time here.
  size_t place_of(entry e) const {
    const entry *low = entries.data();
    size_t n = size;
    for (size_t q; (q = n / 4) > 0; n -= 3 * q) {
      low += q * (static_cast<size_t>(low[q - 1] < e) + (low[2 * q - 1] < e) + (low[3 * q - 1] < e));
    }
    size_t before = 0;
    for (size_t i = 0; i < n; i++) before += low[i] < e;
    return static_cast<size_t>(low - entries.data()) + before;
  }

  // Keeps the distances of the nearest that an answer may contain, and the limit that follows.
  void note(float d) {
    if (nearest.size() == end_rule.least) {
      if (d >= nearest.back()) return;
      nearest.pop_back();
    }
    nearest.insert(std::upper_bound(nearest.begin(), nearest.end(), d), d);
    if (nearest.size() < end_rule.least) return;
    const float farthest = std::max(end_rule.beyond(nearest[end_rule.k - 1]), nearest.back());
    beyond_limit = after(farthest);
    limit = order(farthest);
  }

  static constexpr size_t ordinary = 1 << 14;

  std::vector<entry> entries;
  size_t ef = 0, size = 0;
  size_t kept = 0;  // how many an answer may contain
  size_t next = 0;  // none before was not looked at
  stop end_rule;
  entry inside = 0;            // order of the radius
  entry limit = UINT64_MAX;    // order of the distance beyond which none matters
  float beyond_radius = 0, beyond_limit = 0;  // the floats after those
  std::vector<float> nearest;  // distances, ascending, where there is a rule
};

}  // namespace minnow
