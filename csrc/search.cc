// Queries: upstream's walk through the graph where it pays, an exact scan where
// the walk cannot give a full answer.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "index.h"
#include "status.h"

namespace minnow {
namespace {

struct closer {
  bool operator()(const hnsw_neighbor &a, const hnsw_neighbor &b) const {
    return a.distance != b.distance ? a.distance < b.distance : a.label < b.label;
  }
};

// Lets upstream collect live slots only. Its labels are our slot numbers.
struct live_only final : hnswlib::BaseFilterFunctor {
  const std::vector<uint8_t> &dead;

  explicit live_only(const std::vector<uint8_t> &dead) : dead(dead) {}
  bool operator()(hnswlib::labeltype s) override { return !dead[s]; }
};

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

size_t hnsw_index::search_graph(const float *query, size_t k, size_t ef, hnsw_neighbor *out) const {
  const slot_id entry = descend(*g, query);
  live_only filter(dead);
  auto found = live == slots() ? g->searchBaseLayerST<true>(entry, query, ef)
                               : g->searchBaseLayerST<false>(entry, query, ef, &filter);
  while (found.size() > k) found.pop();
  const size_t n = found.size();
  for (size_t i = n; i-- > 0; found.pop()) out[i] = {labels[found.top().second], found.top().first};
  std::sort(out, out + n, closer());  // upstream orders ties by slot
  return n;
}

size_t hnsw_index::search_all(const float *query, size_t k, hnsw_neighbor *out) const {
  size_t n = 0;
  const size_t count = slots();
  for (slot_id s = 0; s < count; s++) {
    if (dead[s]) continue;
    const hnsw_neighbor candidate{labels[s], distance(query, s)};
    if (n < k) {
      out[n++] = candidate;
      std::push_heap(out, out + n, closer());
    } else if (closer()(candidate, out[0])) {
      std::pop_heap(out, out + n, closer());
      out[n - 1] = candidate;
      std::push_heap(out, out + n, closer());
    }
  }
  std::sort_heap(out, out + n, closer());
  return n;
}

void hnsw_index::search(const float *queries, size_t n, size_t k, size_t ef, hnsw_neighbor *out,
                        uint32_t *counts) const {
  if (k < 1) fail(HNSW_CONFIG, "k is 0");
  for (size_t i = 0; i < n; i++) check_vector(cfg.space, queries + i * cfg.dim, cfg.dim, i);
  const size_t width = std::max(ef, k);
  const size_t want = std::min(k, live);
  std::vector<float> unit(cfg.space == HNSW_COSINE ? cfg.dim : 0);
  for (size_t i = 0; i < n; i++) {
    const float *q = queries + i * cfg.dim;
    if (cfg.space == HNSW_COSINE) {
      normalise(q, unit.data(), cfg.dim);
      q = unit.data();
    }
    hnsw_neighbor *row = out + i * k;
    size_t got = 0;
    // With no more live slots than the candidate list holds, the walk would
    // never stop early: the scan costs no more and misses nothing.
    if (live > width) got = search_graph(q, want, width, row);
    if (got < want) got = search_all(q, want, row);
    counts[i] = static_cast<uint32_t>(got);
  }
}
