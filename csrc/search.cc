// Queries: a walk through the graph where it pays, an exact scan where
// the walk cannot give a full answer.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "index.h"
#include "status.h"
#include "walk.h"

namespace minnow {
namespace {

// Let upstream collect live or allowed slots only. Its labels are our slot numbers.
struct live_only final : hnswlib::BaseFilterFunctor {
  const std::vector<uint8_t> &dead;

  explicit live_only(const std::vector<uint8_t> &dead) : dead(dead) {}
  bool operator()(hnswlib::labeltype s) override { return !dead[s]; }
};

struct allowed_only final : hnswlib::BaseFilterFunctor {
  const uint64_t *bits;

  explicit allowed_only(const uint64_t *bits) : bits(bits) {}
  bool operator()(hnswlib::labeltype s) override { return has_bit(bits, s); }
};

// Ends a walk for all that lies within radius: when the ef nearest are as near as
// they get, as for a plain query, and what is left lies outside. Upstream's own
// condition (stop_condition.h L238) ends it at the first candidate outside after
// any ef were seen: with radius small, before the walk has come near. Nothing is
// ever removed, so what is counted cannot drift from what is found (L175-211).
struct range_stop final : hnswlib::BaseSearchStopCondition<float> {
  const float radius;
  const size_t ef;
  std::priority_queue<float> best;  // distances of the ef nearest

  range_stop(float radius, size_t ef) : radius(radius), ef(ef) {}

  bool full_of_nearer(float d) const { return best.size() == ef && d > best.top(); }
  void add_point_to_result(hnswlib::labeltype, const void *, float d) override {
    best.push(d);
    if (best.size() > ef) best.pop();
  }
  void remove_point_from_result(hnswlib::labeltype, const void *, float) override {}
  bool should_stop_search(float d, float) override { return d > radius && full_of_nearer(d); }
  bool should_consider_candidate(float d, float) override { return d <= radius || !full_of_nearer(d); }
  bool should_remove_extra() override { return false; }
  void filter_results(std::vector<std::pair<float, hnswlib::labeltype>> &) override {}
};

// Whether looking at `candidates` slots one by one is cheaper than the walk that
// collects `width` of them from a graph of `slots`.
//
// A walk that may keep one slot in slots/candidates sees that many times as
// much of the graph before its list is full, so it costs width*slots/candidates,
// a scan costs candidates, and they break even where candidates² is a multiple
// of width*slots. test/switch.sh measures the multiple: the last at which the
// scan won and the first at which the walk did, in 384 dimensions with M 16 on
// one thread,
//
//	                                        ef 10      ef 40     ef 160
//	30,000 around centres, any allowed      23–57      37–92      23–59
//	30,000 around centres, a range        57–145      36–93      23–59
//	60,000 WordNet glosses, any allowed     15–45      11–29       7–18
//	60,000 WordNet glosses, a range        44–113      28–72      18–46
//
// where a range is one of labels, so of words alike. 20 is right or nearly so
// in all. Close to it either way costs the same; far from it a wrong choice
// costs most: with 0.2 % allowed at ef 10, the walk takes 7.7 ms, the scan 3 µs.
//
// Where half of all slots may be kept the walk is hardly longer than without a
// filter, and what it costs then is another rule: the last one. With no more
// candidates than the list holds, a walk would never stop early.
bool scan_pays(size_t candidates, size_t width, size_t slots) {
  constexpr double multiple = 20;
  if (candidates <= width) return true;
  const double c = static_cast<double>(candidates);
  return candidates < slots / 2 && c * c <= multiple * static_cast<double>(width) * static_cast<double>(slots);
}

// Walks greedily from the entry point down to level 0, as searchKnn does
// (hnswalg.h L1275-1303), less its two shared counters.
slot_id descend(const graph &g, const float *query) {
  slot_id at = g.enterpoint_node_;
  float best = g.fstdistfunc_(query, g.getDataByInternalId(at), g.dist_func_param_);
  for (int level = g.maxlevel_; level > 0; level--) {
    for (bool closer_found = true; closer_found;) {
      closer_found = false;
      hnswlib::linklistsizeint *list = g.get_linklist(at, level);
      const slot_id *links = list + 1;
      const size_t n = g.getListCount(list);
      for (size_t i = 0; i < n; i++) {
        const float d = g.fstdistfunc_(query, g.getDataByInternalId(links[i]), g.dist_func_param_);
        if (d < best) {
          best = d;
          at = links[i];
          closer_found = true;
        }
      }
    }
  }
  return at;
}

}  // namespace
}  // namespace minnow

using namespace minnow;

size_t hnsw_index::match(const label_set &set, uint64_t *bits) const {
  const size_t count = slots();
  return match_rows(
      set, count, bits, [&](size_t s) { return !dead[s]; }, [&](size_t s) { return labels[s]; },
      [&](uint64_t label) {
        const auto at = slot.find(label);
        return at == slot.end() ? count : at->second;
      });
}

size_t hnsw_index::search_graph(const float *query, size_t k, size_t ef, const uint64_t *allowed,
                                hnsw_neighbor *out) const {
  thread_local candidates found;  // its memory is worth keeping
  const slot_id entry = descend(*g, query);
  const auto fill = [&](auto keep) {
    walk(*this, query, entry, ef, found, keep);
    size_t n = 0;
    for (const candidates::entry e : found) {
      const slot_id s = candidates::slot_of(e);
      if (keep(s)) out[n++] = {labels[s], candidates::distance_of(e)};
      if (n == k) break;
    }
    return n;
  };
  const size_t n = allowed           ? fill([&](slot_id s) { return has_bit(allowed, s); })
                   : live == slots() ? fill([](slot_id) { return true; })
                                     : fill([&](slot_id s) { return !dead[s]; });
  std::sort(out, out + n, closer());  // ties are by slot so far
  return n;
}

size_t hnsw_index::search_upstream(const float *query, size_t k, size_t ef, const uint64_t *allowed,
                                   hnsw_neighbor *out) const {
  const slot_id entry = descend(*g, query);
  live_only living(dead);
  allowed_only chosen(allowed);
  auto found = allowed              ? g->searchBaseLayerST<false>(entry, query, ef, &chosen)
               : live == slots() ? g->searchBaseLayerST<true>(entry, query, ef)
                                 : g->searchBaseLayerST<false>(entry, query, ef, &living);
  while (found.size() > k) found.pop();
  const size_t n = found.size();
  for (size_t i = n; i-- > 0; found.pop()) out[i] = {labels[found.top().second], found.top().first};
  std::sort(out, out + n, closer());  // upstream orders ties by slot
  return n;
}

// Calls f with every live slot, or every allowed one.
template <class F>
static void each_candidate(const hnsw_index &ix, const uint64_t *allowed, F &&f) {
  const size_t count = ix.slots();
  if (allowed) return each_bit(allowed, words_for(count), [&](size_t s) { f(static_cast<slot_id>(s)); });
  for (slot_id s = 0; s < count; s++) {
    if (!ix.dead[s]) f(s);
  }
}

size_t hnsw_index::search_all(const float *query, size_t k, const uint64_t *allowed, hnsw_neighbor *out) const {
  nearest best(out, k);
  each_candidate(*this, allowed, [&](slot_id s) { best.offer(labels[s], distance(query, s)); });
  return best.finish();
}

void hnsw_index::search(const float *queries, size_t n, size_t k, size_t ef, int32_t engine, const uint64_t *allowed,
                        size_t matches, hnsw_neighbor *out, uint32_t *counts) const {
  if (engine != HNSW_OWN && engine != HNSW_UPSTREAM) fail(HNSW_CONFIG, "engine %d is unknown", static_cast<int>(engine));
  if (k < 1) fail(HNSW_CONFIG, "k is 0");
  for (size_t i = 0; i < n; i++) check_vector(cfg.space, queries + i * cfg.dim, cfg.dim, i);
  const size_t width = std::max(ef, k);
  const size_t candidates = allowed ? matches : live;
  const size_t want = std::min(k, candidates);
  const bool scan = scan_pays(candidates, width, slots());
  ready_made ready(cfg.space, cfg.dim);
  for (size_t i = 0; i < n; i++) {
    const float *q = ready.from(queries + i * cfg.dim);
    hnsw_neighbor *row = out + i * k;
    size_t got = 0;
    if (!scan) {
      got = engine == HNSW_OWN ? search_graph(q, want, width, allowed, row) : search_upstream(q, want, width, allowed, row);
    }
    if (got < want) got = search_all(q, want, allowed, row);
    counts[i] = static_cast<uint32_t>(got);
  }
}

size_t hnsw_index::within(const float *query, float radius, size_t ef, const uint64_t *allowed, size_t matches,
                          hnsw_neighbor *out, size_t cap) const {
  check_vector(cfg.space, query, cfg.dim, 0);
  ready_made ready(cfg.space, cfg.dim);
  query = ready.from(query);
  std::vector<hnsw_neighbor> hits;
  const size_t candidates = allowed ? matches : live;
  if (ef == 0 || scan_pays(candidates, ef, slots())) {
    each_candidate(*this, allowed, [&](slot_id s) {
      const float d = distance(query, s);
      if (d <= radius) hits.push_back({labels[s], d});
    });
  } else {
    range_stop stop(radius, ef);
    live_only living(dead);
    allowed_only chosen(allowed);
    hnswlib::BaseFilterFunctor *filter = allowed ? static_cast<hnswlib::BaseFilterFunctor *>(&chosen) : &living;
    auto found = g->searchBaseLayerST<false>(descend(*g, query), query, ef, filter, &stop);
    for (; !found.empty(); found.pop()) {
      if (found.top().first <= radius) hits.push_back({labels[found.top().second], found.top().first});
    }
  }
  const size_t n = std::min(cap, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<ptrdiff_t>(n), hits.end(), closer());
  std::copy_n(hits.begin(), n, out);
  return hits.size();
}
