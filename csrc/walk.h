// The walk over level 0, of our own, on upstream's graph.
//
// It is the best-first search of searchBaseLayerST (hnswalg.h L311): the same
// answers but for ties. The unseen neighbours of a candidate are gathered first;
// while one is measured, the cache lines of those after it are on their way.
// On WordNet's glosses (384 dimensions, M 16) it answers 1.3 to 1.4 times the
// queries at ef 80 and 180.
#pragma once

#include "candidates.h"
#include "index.h"

namespace minnow {

// Upstream's list of slots seen, of its pool, for one walk.
class seen_slots {
 public:
  explicit seen_slots(const graph &g) : pool(*g.visited_list_pool_), list(pool.getFreeVisitedList()) {}
  ~seen_slots() { pool.releaseVisitedList(list); }
  seen_slots(const seen_slots &) = delete;
  seen_slots &operator=(const seen_slots &) = delete;

  // Whether it is new, which it then isn't.
  bool add(slot_id s) {
    const bool fresh = list->mass[s] != list->curV;
    list->mass[s] = list->curV;
    return fresh;
  }
  void expect(slot_id s) const { __builtin_prefetch(list->mass + s); }

 private:
  hnswlib::VisitedListPool &pool;
  hnswlib::VisitedList *list;
};

// Fills found with the slots near a query, among them the ef nearest that keep
// lets an answer contain, as far as links lead there from entry.
template <class Keep>
void walk(const hnsw_index &ix, const float *query, slot_id entry, size_t ef, candidates &found, Keep &&keep) {
  const graph &g = *ix.g;
  seen_slots seen(g);
  found.clear(ef);
  seen.add(entry);
  found.add(ix.distance(query, entry), entry, keep);
  // Whole rows: of 48 lines (768 dimensions) asking for 32 and 16 gave 1.21 and 1.11
  // times upstream's queries where all gave 1.31. Four of the longest fill half of
  // a first-level cache.
  const size_t bytes = std::min(ix.cfg.dim * sizeof(float), 96 * cache_line);
  const auto expect = [&](slot_id s) {
    const char *row = g.getDataByInternalId(s);
    for (size_t i = 0; i < bytes; i += cache_line) __builtin_prefetch(row + i);
  };
  constexpr size_t ahead = 4;   // rows on their way: 3 to 6 are equal, 1 and 2 lose a tenth
  constexpr size_t batch = 64;  // neighbours at a time: all, for M up to 32
  slot_id fresh[batch];
  for (slot_id at; found.take(&at);) {
    hnswlib::linklistsizeint *list = g.get_linklist0(at);
    const slot_id *links = list + 1;
    const size_t degree = g.getListCount(list);
    for (size_t from = 0; from < degree; from += batch) {
      const size_t until = std::min(degree, from + batch);
      for (size_t i = from; i < until; i++) seen.expect(links[i]);
      size_t n = 0;
      for (size_t i = from; i < until; i++) {
        fresh[n] = links[i];
        n += seen.add(links[i]);  // no branch: nobody can foresee it
      }
      for (size_t i = 0; i < std::min(n, ahead); i++) expect(fresh[i]);
      for (size_t i = 0; i < n; i++) {
        if (i + ahead < n) expect(fresh[i + ahead]);
        const float d = ix.distance(query, fresh[i]);
        if (found.admits(d)) found.add(d, fresh[i], keep);
      }
    }
    if (slot_id after; found.peek(&after)) {
      const char *links_of_next = reinterpret_cast<const char *>(g.get_linklist0(after));
      for (size_t i = 0; i < 3 * cache_line; i += cache_line) __builtin_prefetch(links_of_next + i);
    }
  }
}

}  // namespace minnow
