#include <algorithm>
#include <cfloat>
#include <cmath>

#include "file.h"
#include "status.h"

namespace minnow {

void verify_vector(int32_t kind, const float *v, size_t dim, size_t slot) {
  const float squared = 1.0f - best_kernel().ip(v, v, &dim);
  if (!(std::fabs(squared) <= FLT_MAX / 4)) {
    fail(HNSW_CORRUPT, "element %zu: its vector is not finite or its length overflows", slot);
  }
  // Upstream's Python binding lets a zero vector into a cosine index.
  if (kind == HNSW_COSINE && std::fabs(squared) > 1e-6f && std::fabs(squared - 1) > 1e-2f) {
    fail(HNSW_CORRUPT, "element %zu has length %g, a cosine index holds unit vectors: is the file of another space?",
         slot, std::sqrt(double(squared)));
  }
}

void verify_graph(const graph &g) {
  const size_t count = g.cur_element_count;
  if (count == 0) return;
  if (g.enterpoint_node_ >= count || g.element_levels_[g.enterpoint_node_] != g.maxlevel_) {
    fail(HNSW_CORRUPT, "entry point %u is not on the top level %d", g.enterpoint_node_, g.maxlevel_);
  }
  for (slot_id s = 0; s < count; s++) {
    if (g.element_levels_[s] > g.maxlevel_) {
      fail(HNSW_CORRUPT, "element %u is on level %d above the top level %d", s, g.element_levels_[s], g.maxlevel_);
    }
    for (int level = 0; level <= g.element_levels_[s]; level++) {
      const hnswlib::linklistsizeint *list = g.get_linklist_at_level(s, level);
      const size_t most = level ? g.maxM_ : g.maxM0_;
      // Of the four bytes upstream counts in two; the mark is cleared in memory.
      if (*list > most) fail(HNSW_CORRUPT, "element %u: %u links on level %d, at most %zu", s, *list, level, most);
      for (size_t i = 1; i <= *list; i++) {
        const slot_id to = list[i];
        if (to >= count || g.element_levels_[to] < level) {
          fail(HNSW_CORRUPT, "element %u: a link on level %d to %u, which is not there", s, level, to);
        }
      }
    }
  }
}

}  // namespace minnow

using namespace minnow;

size_t hnsw_index::survey(size_t *levels, size_t levels_cap, size_t *degrees, size_t degrees_cap) const {
  std::fill_n(levels, levels_cap, 0);
  std::fill_n(degrees, degrees_cap, 0);
  const size_t count = slots();
  if (count == 0) return 0;
  for (slot_id s = 0; s < count; s++) {
    if (levels_cap) levels[std::min<size_t>(g->element_levels_[s], levels_cap - 1)]++;
    if (degrees_cap) degrees[std::min<size_t>(g->getListCount(g->get_linklist0(s)), degrees_cap - 1)]++;
  }
  std::vector<bool> seen(count);
  std::vector<slot_id> open{g->enterpoint_node_};
  seen[g->enterpoint_node_] = true;
  size_t reached = 0;
  while (!open.empty()) {
    hnswlib::linklistsizeint *list = g->get_linklist0(open.back());
    open.pop_back();
    reached++;
    for (size_t i = 1; i <= g->getListCount(list); i++) {
      if (seen[list[i]]) continue;
      seen[list[i]] = true;
      open.push_back(list[i]);
    }
  }
  return count - reached;
}

size_t hnsw_index::memory() const {
  const size_t room = g->max_elements_;
  size_t n = rows.bytes() + room * (g->size_data_per_element_ + sizeof(void *) + sizeof(int)) + codes.bytes() +
             g->link_list_locks_.size() * sizeof(std::mutex) + room * sizeof(hnswlib::vl_type) +
             labels.capacity() * sizeof(uint64_t) + dead.capacity() + slot.bytes();
  for (slot_id s = 0; s < slots(); s++) n += g->element_levels_[s] * g->size_links_per_element_;
  return n;
}

void hnsw_index::verify() const {
  verify_graph(*g);
  const size_t count = slots();
  if (labels.size() != count || dead.size() != count || count > g->max_elements_) {
    fail(HNSW_CORRUPT, "%zu elements, %zu labels, %zu marks, room for %zu", count, labels.size(), dead.size(),
         g->max_elements_);
  }
  size_t alive = 0;
  for (slot_id s = 0; s < count; s++) {
    if (!rows.gone()) verify_vector(cfg.space, vector(s), cfg.dim, s);
    // A superseded slot's label is another's, or forgotten.
    if (g->getExternalLabel(s) != s || (!dead[s] && !current(s))) {
      fail(HNSW_CORRUPT, "element %u: label %llu is not mapped to it", s, static_cast<unsigned long long>(labels[s]));
    }
    alive += !dead[s];
  }
  slot.each([&](slot_id s) {
    if (s >= count || !current(s)) {
      fail(HNSW_CORRUPT, "element %u is mapped to by a label that is not its own", s);
    }
  });
  if (alive != live) fail(HNSW_CORRUPT, "%zu live elements, %zu counted", alive, live);
}
