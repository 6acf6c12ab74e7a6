// The walk through one level of the graph: best-first search, the same for
// queries and for linking, over vectors or over codes.
//
// It is that of upstream (searchBaseLayerST and searchBaseLayer, hnswalg.h L311
// and L228): the same answers on vectors but for ties. What differs is how it waits
// for memory. The unseen neighbours of a candidate are gathered first, and asked
// for; over vectors, those further on come while one is measured. Over codes, whose lines
// are few, it goes one candidate ahead: the next one's neighbours are on their
// way while the last one's are measured. So it looks at a candidate now and then that it
// would not have chosen, had it known, and rarely at one less.
#pragma once

#include <type_traits>
#include <vector>

#include "candidates.h"
#include "index.h"

namespace minnow {

// Measures distances from one vector to many, by the vectors themselves.
class vector_scorer {
 public:
  static constexpr bool ahead = false;

  explicit vector_scorer(const hnsw_index &ix) : ix(ix) {}

  void aim(const float *v) { from = v; }
  void aim_at(slot_id s) { from = ix.vector(s); }
  float noise(float) const { return 0; }

  __attribute__((always_inline)) void expect(const slot_id *s, size_t n) const {
    for (size_t i = 0; i < std::min(n, coming); i++) ix.rows.expect(s[i]);
  }

  void measure(const slot_id *s, size_t n, float *out) const {
    for (size_t i = 0; i < n; i++) {
      if (i + coming < n) ix.rows.expect(s[i + coming]);
      out[i] = ix.distance(from, s[i]);
    }
  }

 private:
  static constexpr size_t coming = 4;  // rows on their way: 3 to 6 are equal, 1 and 2 lose a tenth

  const hnsw_index &ix;
  const float *from = nullptr;
};

template <class Scorer>
Scorer scorer_of(const hnsw_index &ix) {
  if constexpr (std::is_same_v<Scorer, code_scorer>) {
    return Scorer(ix.codes, ix.rows, ix.metric.distance);
  } else {
    return Scorer(ix);
  }
}

// What a thread needs to walk, kept from one walk to the next.
class walker {
 public:
  candidates found;

  void begin(size_t slots) {
    if (bits.size() * 64 < slots) bits.resize((slots + 63) / 64);
  }

  void see(slot_id s) {
    gather(&s, 1, [](const slot_id *p) { return *p; });
  }

  // Forgets what was seen.
  void end() {
    if (n > bits.size()) {
      std::fill(bits.begin(), bits.end(), 0);
    } else {
      for (size_t i = 0; i < n; i++) bits[met[i] / 64] = 0;
    }
    n = 0;
  }

  // Appends those of links that were not seen. No branch: nobody can foresee it.
  template <class Load>
  void gather(const slot_id *links, size_t count, Load &&load) {
    room_for(count);
    slot_id *const to = met.data();
    size_t at = n;
    for (size_t i = 0; i < count; i++) {
      const slot_id s = load(links + i);
      uint64_t &word = bits[s / 64];
      const uint64_t bit = uint64_t{1} << s % 64;
      to[at] = s;
      at += !(word & bit);
      word |= bit;
    }
    n = at;
  }

  size_t seen() const { return n; }
  const slot_id *slots() const { return met.data(); }
  slot_id *links(size_t count) {
    if (around.size() < count) around.resize(count);
    return around.data();
  }
  size_t *places(size_t count) {
    if (near.size() < count) near.resize(count);
    return near.data();
  }
  float *distances(size_t count) {
    if (measured.size() < count) measured.resize(count);
    return measured.data();
  }

 private:
  void room_for(size_t more) {
    if (met.size() < n + more) met.resize(2 * (n + more) + 1024);
  }

  std::vector<uint64_t> bits;  // of the slots seen; all 0 between walks
  std::vector<slot_id> met;    // the same, in their order
  size_t n = 0;                // of met
  std::vector<float> measured;
  std::vector<slot_id> around;
  std::vector<size_t> near;
};

// The walker of this thread: its memory is worth keeping.
inline walker &own_walker() {
  thread_local walker w;
  return w;
}

// Ends a walker's walk, however that comes.
struct walk_end {
  walker &w;
  ~walk_end() { w.end(); }
};

// How links are read: by a query, beside which nothing changes; or while threads
// link, each seeing what the others have finished.
struct at_rest {
  static slot_id load(const slot_id *p) { return *p; }
};
struct in_change {
  static slot_id load(const slot_id *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
};

// The number of links in a list. Of its four bytes upstream counts in two, and the mark in the others is
// ours to keep clear.
template <class Mode>
size_t degree_of(const slot_id *list) { return Mode::load(list); }

inline slot_id *list_of(const graph &g, slot_id s, int level) {
  return level == 0 ? g.get_linklist0(s) : g.get_linklist(s, level);
}

// Asks for a list that will be read soon: of 32 links, all. Always inline: a function that does nothing but ask is without
// effect to gcc 12, which deletes calls of it. That cost queries a fifth.
__attribute__((always_inline)) inline void expect_list(const graph &g, slot_id s, int level) {
  const char *list = reinterpret_cast<const char *>(list_of(g, s, level));
  for (size_t i = 0; i < 3 * cache_line; i += cache_line) __builtin_prefetch(list + i, 0, to_second_level);
}

// Fills w.found with the slots of a level that are near, among them the ef nearest that
// keep lets an answer contain, as far as links lead there from entry. The walk goes as if
// slot without were not there; entry must be another.
template <class Mode, class Scorer, class Keep>
void walk(const graph &g, int level, const Scorer &scorer, slot_id entry, size_t ef, const stop &rule, walker &w,
          Keep &&keep, slot_id without = numbered::none) {
  walk_end end{w};
  w.begin(g.max_elements_);
  w.see(entry);
  if (without != numbered::none) w.see(without);
  w.found.clear(ef, rule);
  float first;
  scorer.measure(&entry, 1, &first);
  w.found.add(first, entry, keep);
  size_t from = w.seen();  // slots not measured yet
  for (;;) {
    const size_t until = w.seen();
    slot_id at;
    const bool more = w.found.take(&at);
    if (more) {
      const slot_id *list = list_of(g, at, level);
      w.gather(list + 1, degree_of<Mode>(list), Mode::load);
      scorer.expect(w.slots() + until, w.seen() - until);
      if (slot_id after; w.found.peek(&after)) expect_list(g, after, level);
    } else if (from == until) {
      return;
    }
    const size_t to = Scorer::ahead ? until : w.seen();
    const size_t n = to - from;
    float *const d = w.distances(n);
    scorer.measure(w.slots() + from, n, d);
    const slot_id *const s = w.slots() + from;
    // First without a branch, as nobody can foresee which are near: most are not.
    const float bound = w.found.bound();
    size_t *const near = w.places(n);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
      near[count] = i;
      count += d[i] < bound;
    }
    for (size_t j = 0; j < count; j++) {
      const size_t i = near[j];
      if (d[i] >= w.found.bound()) continue;  // what was added before may have moved it
      expect_list(g, s[i], level);  // a third of a walk is waiting for the list of one that was just added
      w.found.add(d[i], s[i], keep);
    }
    from = to;
  }
}

// Walks greedily from the entry point down to a level, as searchKnn does (hnswalg.h
// L1275-1303), and returns the slot it ends at.
template <class Mode, class Scorer>
slot_id descend(const graph &g, const Scorer &scorer, int to, walker &w) {
  slot_id at = g.enterpoint_node_;
  float best;
  scorer.measure(&at, 1, &best);
  for (int level = g.maxlevel_; level > to; level--) {
    for (bool closer_found = true; closer_found;) {
      closer_found = false;
      const slot_id *list = g.get_linklist(at, level);
      const size_t n = degree_of<Mode>(list);
      slot_id *const s = w.links(n);
      for (size_t i = 0; i < n; i++) s[i] = Mode::load(list + 1 + i);
      scorer.expect(s, n);
      float *const d = w.distances(n);
      scorer.measure(s, n, d);
      for (size_t i = 0; i < n; i++) {
        if (d[i] < best) {
          best = d[i];
          at = s[i];
          closer_found = true;
        }
      }
    }
  }
  return at;
}

}  // namespace minnow
