// The k nearest of a query: down the levels, through level 0, and the
// candidates that this gives put in order.
#pragma once

#include <algorithm>
#include <cmath>

#include "walk.h"

namespace minnow {

// Calls f with the test for what an answer may contain, the cheapest that does.
template <class F>
auto with_keep(const hnsw_index &ix, const uint64_t *allowed, F &&f) {
  if (allowed) return f([allowed](slot_id s) { return has_bit(allowed, s); });
  if (ix.live == ix.slots()) return f([](slot_id) { return true; });
  return f([&ix](slot_id s) { return !ix.dead[s]; });
}

// The least distance that a vector no longer than longest can have from v: where
// the slack of a walk counts from.
inline float floor_of(const hnsw_index &ix, const float *v, float longest) {
  if (ix.cfg.space != HNSW_IP) return 0;
  return 1 - longest * std::sqrt(std::fabs(1 - best_kernel().ip(v, v, &ix.cfg.dim)));
}

// Puts the k nearest of the candidates that keep lets in into out, by their exact
// distances, and returns how many.
//
// Candidates come in the order of their estimates. Measuring goes on for as long as the next
// one could be among the k: until its estimate, less what estimates have turned out
// to be wrong by, is beyond the k-th so far. The errors' root mean square counts from zero,
// not from their mean: the first to be measured are those whose estimates are too good.
template <class Keep>
size_t rank(const hnsw_index &ix, const float *query, const candidates &found, size_t k, Keep &&keep,
            hnsw_neighbor *out) {
  // How many times the error may be against a candidate. Of synthetic clusters in 768 dimensions, by
  // 4 bits at ef 260: 0.936 of the neighbours found at 1, 0.968 at 1.5, 0.987 at 2, 0.994 at 2.5, 0.996 at 3.
  constexpr double doubt = 2.5;
  constexpr size_t coming = 6;  // rows on their way
  thread_local std::vector<slot_id> slots;
  thread_local std::vector<float> estimates;
  slots.clear();
  estimates.clear();
  for (const candidates::entry e : found) {
    const slot_id s = candidates::slot_of(e);
    if (!keep(s)) continue;
    slots.push_back(s);
    estimates.push_back(candidates::distance_of(e));
  }
  for (size_t i = 0; i < std::min(coming, slots.size()); i++) ix.rows.expect(slots[i]);
  const size_t at_least = k + std::max<size_t>(k / 2, 6);
  nearest best(out, k);
  double squares = 0;
  for (size_t i = 0; i < slots.size(); i++) {
    if (i >= at_least && estimates[i] - doubt * std::sqrt(squares / static_cast<double>(i)) > best.worst()) break;
    if (i + coming < slots.size()) ix.rows.expect(slots[i + coming]);
    const float d = ix.distance(query, slots[i]);
    best.offer(ix.labels[slots[i]], d);
    const double error = static_cast<double>(d) - estimates[i];
    squares += error * error;
  }
  return best.finish();
}

// Finds what is asked for as far as links lead there, and returns how many that are.
template <class Scorer>
size_t nearest_by(const hnsw_index &ix, const float *query, const wish &want, hnsw_neighbor *out) {
  walker &w = own_walker();
  Scorer scorer = scorer_of<Scorer>(ix);
  scorer.aim(query);
  stop rule;
  if (want.slack > 0) {
    rule.k = want.slack_k;
    rule.least = 2 * want.slack_k;  // costs nothing where queries are like the vectors, and is a floor where not
    rule.slack = want.slack;
    rule.floor = floor_of(ix, query, want.longest);
    rule.noise = scorer.noise(rule.floor);
  }
  slot_id entry = descend<at_rest>(*ix.g, scorer, 0, w);
  // Of a graph of one level the entry point itself may be what is to be left out.
  if (entry == want.without && *ix.g->get_linklist0(entry) > 0) entry = ix.g->get_linklist0(entry)[1];
  return with_keep(ix, want.allowed, [&](auto keep) {
    walk<at_rest>(*ix.g, 0, scorer, entry, want.ef, rule, w, keep, want.without);
    if (Scorer::ahead && !ix.rows.gone()) return rank(ix, query, w.found, want.k, keep, out);
    size_t n = 0;
    for (const candidates::entry e : w.found) {
      const slot_id s = candidates::slot_of(e);
      if (keep(s)) out[n++] = {ix.labels[s], candidates::distance_of(e)};
      if (n == want.k) break;
    }
    std::sort(out, out + n, closer());  // ties are by slot so far
    return n;
  });
}

}  // namespace minnow
