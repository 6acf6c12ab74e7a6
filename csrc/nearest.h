// What both kinds of index do with a set of labels and with the distances of a
// scan.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "hnsw.h"

namespace minnow {

// The order of answers.
struct closer {
  bool operator()(const hnsw_neighbor &a, const hnsw_neighbor &b) const {
    return a.distance != b.distance ? a.distance < b.distance : a.label < b.label;
  }
};

// Keeps the k nearest of what it is offered, in the caller's array.
class nearest {
 public:
  nearest(hnsw_neighbor *out, size_t k) : out(out), k(k) {}

  void offer(uint64_t label, float distance) {
    const hnsw_neighbor candidate{label, distance};
    if (n < k) {
      out[n++] = candidate;
      std::push_heap(out, out + n, closer());
    } else if (k > 0 && closer()(candidate, out[0])) {
      std::pop_heap(out, out + n, closer());
      out[n - 1] = candidate;
      std::push_heap(out, out + n, closer());
    }
  }

  // The distance of the farthest kept, infinite until there are k.
  float worst() const { return n < k ? std::numeric_limits<float>::infinity() : out[0].distance; }

  // Puts them in order and returns how many there are.
  size_t finish() {
    std::sort_heap(out, out + n, closer());
    return n;
  }

 private:
  hnsw_neighbor *out;
  size_t k, n = 0;
};

constexpr size_t word_bits = 64;

inline size_t words_for(size_t bits) { return (bits + word_bits - 1) / word_bits; }
inline bool has_bit(const uint64_t *words, size_t i) { return words[i / word_bits] >> (i % word_bits) & 1; }

// Calls f(i) for each set bit i, in ascending order.
template <class F>
void each_bit(const uint64_t *words, size_t n, F &&f) {
  for (size_t w = 0; w < n; w++) {
    for (uint64_t left = words[w]; left; left &= left - 1) f(w * word_bits + static_cast<size_t>(__builtin_ctzll(left)));
  }
}

// A set of labels in one of the forms HNSW_ALLOW_LIST and so on.
struct label_set {
  const uint64_t *words;
  size_t n;
  uint64_t base;
  int32_t form;

  bool is_list() const { return form == HNSW_ALLOW_LIST || form == HNSW_DENY_LIST; }
  bool allows() const { return form == HNSW_ALLOW_LIST || form == HNSW_ALLOW_BITMAP; }
  bool contains(uint64_t label) const {
    if (is_list()) return std::binary_search(words, words + n, label);
    return label >= base && (label - base) / word_bits < n && has_bit(words, label - base);
  }
};

// Sets in bits those of rows 0 to count-1 that are live and that set lets in,
// and returns how many. live(row) and label(row) describe a row; row(label) is
// the one where label is current, or count.
//
// A list is looked up label by label, but for one longer than there are rows;
// a bitmap is asked for every row, in the order of memory, at about 1 ns each.
template <class Live, class Label, class Row>
size_t match_rows(const label_set &set, size_t count, uint64_t *bits, Live &&live, Label &&label, Row &&row) {
  const size_t words = words_for(count);
  const bool look_up = set.is_list() && set.n < count;
  std::fill_n(bits, words, 0);
  if (!look_up || !set.allows()) {
    for (size_t r = 0; r < count; r++) {
      const bool in = live(r) && (look_up || set.contains(label(r)) == set.allows());
      bits[r / word_bits] |= uint64_t{in} << (r % word_bits);
    }
  }
  if (look_up) {
    for (size_t i = 0; i < set.n; i++) {
      const size_t r = row(set.words[i]);
      if (r == count || !live(r)) continue;
      const uint64_t bit = uint64_t{1} << (r % word_bits);
      bits[r / word_bits] = set.allows() ? bits[r / word_bits] | bit : bits[r / word_bits] & ~bit;
    }
  }
  size_t n = 0;
  for (size_t w = 0; w < words; w++) n += static_cast<size_t>(__builtin_popcountll(bits[w]));
  return n;
}

}  // namespace minnow
