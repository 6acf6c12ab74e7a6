// Links new elements into the graph: upstream's addPoint (hnswalg.h L1153), over codes
// or vectors, by any number of threads at once.
//
// The structure is upstream's: levels, lists of M and 2M links, and the choice of
// neighbours by its heuristic (L443). On vectors and one thread it is upstream's very
// graph, link for link but for ties. What differs is what a choice costs. Whoever is
// chosen is measured against all candidates that are left, in one go, and those that are nearer to it than
// to the element drop out: the same as upstream's asking each candidate in its turn about all
// that were chosen before, with one long row of distances from each instead of many short ones.
//
// Threads read lists without locks. A list changes under one of a fixed number of
// locks, its length last: who reads it meanwhile finds links of before or after, each to an element that
// is whole, since an element's vector, code and own lists are written before the first link to it.
#pragma once

#include <algorithm>
#include <cstring>
#include <mutex>
#include <tuple>
#include <vector>

#include "walk.h"

namespace minnow {

template <class Scorer>
class linker {
 public:
  linker(hnsw_index &ix, insertion &batch, walker &w)
      : ix(ix),
        g(*ix.g),
        locks(batch.locks),
        w(w),
        mine(scorer_of<Scorer>(ix)),
        other(scorer_of<Scorer>(ix)) {}

  // Links slot s, whose vector, code and empty lists are there, on its levels.
  //
  // All its own lists come first, and links to it from below upwards: so whoever finds it
  // finds what leads on from there. Upstream links level by level from above, under a lock of the element's
  // that keeps others waiting. Without one, a walk would come down on an element that leads nowhere yet,
  // and link to it alone: 1 in 1,000 of small clusters on two threads could not be found.
  void link(slot_id s) {
    const int top = std::min(g.element_levels_[s], g.maxlevel_);
    mine.aim(ix.vector(s));
    slot_id at = descend<in_change>(g, mine, top, w);
    chosen.resize(static_cast<size_t>(top) + 1);
    for (int l = top; l >= 0; l--) {
      walk<in_change>(g, l, mine, at, g.ef_construction_, stop(), w, [](slot_id) { return true; });
      near.clear();
      for (const candidates::entry e : w.found) near.push(candidates::slot_of(e), candidates::distance_of(e));
      at = near.slots[0];
      choose(near, g.M_);
      chosen[l] = near.slots;
      write(list_of(g, s, l), near);
      for (const slot_id t : near.slots) expect_list(g, t, l);
    }
    for (int l = 0; l <= top; l++) {
      for (size_t i = chosen[l].size(); i-- > 0;) connect(chosen[l][i], s, l);
    }
  }

 private:
  // Candidates for a list, nearest first.
  struct candidates_for {
    std::vector<slot_id> slots;
    std::vector<float> distances;

    size_t size() const { return slots.size(); }
    void clear() {
      slots.clear();
      distances.clear();
    }
    void push(slot_id s, float d) {
      slots.push_back(s);
      distances.push_back(d);
    }
    void resize(size_t n) {
      slots.resize(n);
      distances.resize(n);
    }
  };

  // Leaves at most `most` of c: each nearer to the element than to any chosen before.
  void choose(candidates_for &c, size_t most) {
    if (c.size() < most) return;  // as upstream does (L446)
    size_t n = c.size(), chosen = 0;
    while (chosen < n && chosen < most) {
      const slot_id next = c.slots[chosen++];
      if (chosen == n || chosen == most) break;
      other.aim_at(next);
      float *const d = w.distances(n - chosen);
      other.measure(c.slots.data() + chosen, n - chosen, d);
      size_t left = chosen;
      for (size_t i = chosen; i < n; i++) {
        c.slots[left] = c.slots[i];
        c.distances[left] = c.distances[i];
        left += !(d[i - chosen] < c.distances[i]);
      }
      n = left;
    }
    c.resize(chosen);
  }

  // Puts a link to s into the list of an element, which may cost it another.
  void connect(slot_id owner, slot_id s, int level) {
    std::lock_guard<std::mutex> lock(locks.of(owner));
    slot_id *const list = list_of(g, owner, level);
    const size_t n = *list, most = level ? g.maxM_ : g.maxM0_;
    if (n < most) {
      __atomic_store_n(list + 1 + n, s, __ATOMIC_RELEASE);
      __atomic_store_n(list, static_cast<slot_id>(n + 1), __ATOMIC_RELEASE);
      return;
    }
    around.resize(n + 1);
    std::copy_n(list + 1, n, around.slots.begin());
    around.slots[n] = s;
    other.aim_at(owner);
    other.expect(around.slots.data(), n + 1);
    other.measure(around.slots.data(), n + 1, around.distances.data());
    sort(around);
    choose(around, most);
    write(list, around);
  }

  // In upstream's order: the farthest first.
  static void write(slot_id *list, const candidates_for &c) {
    for (size_t i = 0; i < c.size(); i++) {
      __atomic_store_n(list + 1 + i, c.slots[c.size() - 1 - i], __ATOMIC_RELEASE);
    }
    __atomic_store_n(list, static_cast<slot_id>(c.size()), __ATOMIC_RELEASE);
  }

  void sort(candidates_for &c) {
    order.clear();
    for (size_t i = 0; i < c.size(); i++) order.emplace_back(c.distances[i], c.slots[i]);
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < c.size(); i++) std::tie(c.distances[i], c.slots[i]) = order[i];
  }

  hnsw_index &ix;
  graph &g;
  list_locks &locks;
  walker &w;
  Scorer mine, other;
  candidates_for near, around;
  std::vector<std::vector<slot_id>> chosen;  // by level
  std::vector<std::pair<float, slot_id>> order;
};

}  // namespace minnow
