// Queries: a walk through the graph where it pays, an exact scan where
// the walk cannot give a full answer.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "knn.h"
#include "status.h"

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
//	                                               ef 10      ef 40     ef 160
//	30,000 around centres, any allowed, no codes   23–57      37–92      23–59
//	30,000 around centres, a range, no codes     57–145      36–93      23–59
//	60,000 WordNet glosses, any allowed, no codes  15–45      11–29       7–18
//	60,000 WordNet glosses, a range, no codes    44–113      28–72      18–46
//	117,599 WordNet glosses, any allowed, int8   13–34       9–22       5–14
//	117,599 WordNet glosses, a range, int8       5–13       8–22       5–14
//	117,599 WordNet glosses, any allowed, int4   5–13       9–22       5–14
//	117,599 WordNet glosses, a range, int4       5–13        3–8       5–14
//
// where a range is one of labels, so of words alike. 20 is right or nearly so
// without codes, and 10 with them. Close to it either way costs the same; far from it a wrong choice
// costs most: with 0.2 % allowed at ef 10, the walk takes 7.7 ms, the scan 3 µs.
//
// Where half of all slots may be kept the walk is hardly longer than without a
// filter, and what it costs then is another rule: the last one. With no more
// candidates than the list holds, a walk would never stop early.
bool scan_pays(size_t candidates, size_t width, size_t slots, bool coded) {
  const double multiple = coded ? 10 : 20;
  if (candidates <= width) return true;
  const double c = static_cast<double>(candidates);
  return candidates < slots / 2 && c * c <= multiple * static_cast<double>(width) * static_cast<double>(slots);
}

}  // namespace
}  // namespace minnow

using namespace minnow;

size_t hnsw_index::match(const label_set &set, uint64_t *bits) const {
  const size_t count = slots();
  return match_rows(
      set, count, bits, [&](size_t s) { return !dead[s]; }, [&](size_t s) { return labels[s]; },
      [&](uint64_t label) {
        const slot_id at = slot.at(label);
        return at == label_map::none ? count : at;
      });
}

size_t hnsw_index::search_graph(const float *query, const wish &w, hnsw_neighbor *out) const {
  return codes.ready() ? nearest_by<code_scorer>(*this, query, w, out) : nearest_by<vector_scorer>(*this, query, w, out);
}

size_t hnsw_index::search_upstream(const float *query, const wish &w, hnsw_neighbor *out) const {
  vector_scorer scorer(*this);
  scorer.aim(query);
  const slot_id entry = descend<at_rest>(*g, scorer, 0, own_walker());
  const numbered q{numbered::none, query};
  live_only living(dead);
  allowed_only chosen(w.allowed);
  auto found = w.allowed         ? g->searchBaseLayerST<false>(entry, &q, w.ef, &chosen)
               : live == slots() ? g->searchBaseLayerST<true>(entry, &q, w.ef)
                                 : g->searchBaseLayerST<false>(entry, &q, w.ef, &living);
  while (found.size() > w.k) found.pop();
  const size_t n = found.size();
  for (size_t i = n; i-- > 0; found.pop()) out[i] = {labels[found.top().second], found.top().first};
  std::sort(out, out + n, closer());  // upstream orders ties by slot
  return n;
}

// Calls offer with what a walk finds near query: the ef nearest as for a plain query, and on
// through all that lies within radius. Upstream's own condition (stop_condition.h L238) ends at the first
// candidate outside after any ef were seen: with radius small, before the walk has come near.
template <class Scorer, class Offer>
static void walk_within(const hnsw_index &ix, const float *query, float radius, size_t ef, const uint64_t *allowed,
                        Offer &&offer) {
  walker &w = own_walker();
  Scorer scorer = scorer_of<Scorer>(ix);
  scorer.aim(query);
  const slot_id entry = descend<at_rest>(*ix.g, scorer, 0, w);
  with_keep(ix, allowed, [&](auto keep) {
    stop rule;
    rule.radius = radius + 3 * scorer.noise(radius);
    walk<at_rest>(*ix.g, 0, scorer, entry, ef, rule, w, keep);
    for (const candidates::entry e : w.found) {
      const slot_id s = candidates::slot_of(e);
      if (keep(s)) offer(s, ix.rows.gone() ? candidates::distance_of(e) : ix.distance(query, s));
    }
  });
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

// Calls f with every candidate and its distance, some dozen at a time, so that those to come are on their way.
template <class Scorer, class F>
static void scan_by(const hnsw_index &ix, const float *query, const uint64_t *allowed, F &&f) {
  Scorer scorer = scorer_of<Scorer>(ix);
  scorer.aim(query);
  constexpr size_t batch = 64;
  slot_id slots[batch] = {};
  float distances[batch];
  size_t n = 0;
  const auto flush = [&] {
    scorer.expect(slots, n);
    scorer.measure(slots, n, distances);
    for (size_t i = 0; i < n; i++) f(slots[i], distances[i]);
    n = 0;
  };
  each_candidate(ix, allowed, [&](slot_id s) {
    slots[n++] = s;
    if (n == batch) flush();
  });
  flush();
}

// By the vectors, or what is left of them.
template <class F>
static void scan(const hnsw_index &ix, const float *query, const uint64_t *allowed, F &&f) {
  ix.rows.gone() ? scan_by<code_scorer>(ix, query, allowed, f) : scan_by<vector_scorer>(ix, query, allowed, f);
}

size_t hnsw_index::search_all(const float *query, const wish &w, hnsw_neighbor *out) const {
  nearest best(out, w.k);
  scan(*this, query, w.allowed, [&](slot_id s, float d) { best.offer(labels[s], d); });
  return best.finish();
}

void hnsw_index::search(const float *queries, size_t n, const wish &asked, hnsw_neighbor *out, uint32_t *counts) const {
  if (asked.engine != HNSW_OWN && asked.engine != HNSW_UPSTREAM) {
    fail(HNSW_CONFIG, "engine %d is unknown", static_cast<int>(asked.engine));
  }
  if (asked.k < 1) fail(HNSW_CONFIG, "k is 0");
  if (asked.engine == HNSW_UPSTREAM) need_vectors();
  for (size_t i = 0; i < n; i++) check_vector(cfg.space, queries + i * cfg.dim, cfg.dim, i);
  wish w = asked;
  const size_t candidates = w.allowed ? w.matches : live;
  w.k = std::min(w.k, candidates);
  w.ef = std::max(w.ef, asked.k);
  // Estimates need some more to choose from than the k wanted.
  if (codes.ready()) w.ef = std::max(w.ef, asked.k + std::max<size_t>(asked.k / 2, 6));
  // A walk that ends by slack rarely fills its list.
  constexpr size_t by_slack = 128;
  const bool scan = scan_pays(candidates, w.slack > 0 ? std::max(by_slack, w.k) : w.ef, slots(), codes.ready());
  ready_made ready(cfg.space, cfg.dim);
  for (size_t i = 0; i < n; i++) {
    const float *q = ready.from(queries + i * cfg.dim);
    hnsw_neighbor *row = out + i * asked.k;
    size_t got = 0;
    if (!scan) got = w.engine == HNSW_OWN ? search_graph(q, w, row) : search_upstream(q, w, row);
    if (got < w.k) got = search_all(q, w, row);
    counts[i] = static_cast<uint32_t>(got);
  }
}

size_t hnsw_index::within(const float *query, float radius, size_t ef, const uint64_t *allowed, size_t matches,
                          hnsw_neighbor *out, size_t cap) const {
  check_vector(cfg.space, query, cfg.dim, 0);
  ready_made ready(cfg.space, cfg.dim);
  query = ready.from(query);
  std::vector<hnsw_neighbor> hits;
  const auto offer = [&](slot_id s, float d) {
    if (d <= radius) hits.push_back({labels[s], d});
  };
  const size_t candidates = allowed ? matches : live;
  if (ef == 0 || scan_pays(candidates, ef, slots(), codes.ready())) {
    scan(*this, query, allowed, offer);
  } else if (codes.ready()) {
    walk_within<code_scorer>(*this, query, radius, ef, allowed, offer);
  } else {
    walk_within<vector_scorer>(*this, query, radius, ef, allowed, offer);
  }
  const size_t n = std::min(cap, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<ptrdiff_t>(n), hits.end(), closer());
  std::copy_n(hits.begin(), n, out);
  return hits.size();
}
