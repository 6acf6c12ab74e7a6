// Additions: begin, the part that threads share, and end. Why it takes three
// steps is said at struct insertion in index.h.
#include <algorithm>

#include "index.h"
#include "status.h"

namespace minnow {
namespace {

// Upstream's prefetch reads the link after the last one (hnswalg.h L277-278).
// On level 0 that is the row's vector; upper lists are blocks of their own with
// one spare byte (L1207). This gives them a spare link.
constexpr size_t list_slack = sizeof(slot_id);

}  // namespace
}  // namespace minnow

using namespace minnow;

void hnsw_index::begin(const float *vecs, const uint64_t *ls, size_t n) {
  precheck(vecs, ls, n);
  auto batch = std::make_unique<insertion>();
  batch->labels.assign(ls, ls + n);
  batch->levels.assign(n, 0);
  batch->slots.resize(n);
  ready_made ready(cfg.space, cfg.dim);
  size_t fresh = 0;
  for (size_t i = 0; i < n; i++) {
    const auto old = slot.find(ls[i]);
    if (old != slot.end()) {
      const float *v = ready.from(vecs + i * cfg.dim);
      if (memcmp(v, vector(old->second), cfg.dim * sizeof(float)) == 0) batch->levels[i] = insertion::same;
    }
    fresh += batch->levels[i] != insertion::same;
  }
  if (fresh > g->max_elements_ - slots()) {
    fail(HNSW_FULL, "%zu slots in use and %zu to add are over %zu", slots(), fresh, g->max_elements_);
  }
  pending = std::move(batch);
  draw_levels();
}

// From here to end, upstream draws its levels with a factor of 0: always level
// 0, which a level of ours above that overrides (L1190).
void hnsw_index::draw_levels() {
  insertion &batch = *pending;
  batch.before = g->level_generator_;
  batch.mult = std::exchange(g->mult_, 0);
  const size_t fresh = redraw_levels(batch.levels.size());
  batch.first = static_cast<slot_id>(slots());
  labels.resize(slots() + fresh);  // reserve made the room
  dead.resize(slots() + fresh);
}

// Draws the levels of the first n vectors, and returns how many that are.
size_t hnsw_index::redraw_levels(size_t n) {
  g->level_generator_ = pending->before;
  size_t drawn = 0;
  for (size_t i = 0; i < n; i++) {
    int &level = pending->levels[i];
    if (level == insertion::same) continue;
    level = g->getRandomLevel(pending->mult);
    drawn++;
  }
  pending->after = g->level_generator_;
  return drawn;
}

void hnsw_index::insert(const float *vecs, size_t until, size_t sure, const int32_t *waiting) {
  if (!pending) fail(HNSW_INTERNAL, "insert without begin");
  insertion &batch = *pending;
  until = std::min(until, batch.labels.size());
  const auto enough = [&](size_t i) {
    return i >= until || batch.failed || (i >= sure && __atomic_load_n(waiting, __ATOMIC_RELAXED) != 0);
  };
  try {
    ready_made ready(cfg.space, cfg.dim);
    for (size_t i = batch.next; !enough(i);) {
      if (!batch.next.compare_exchange_weak(i, i + 1)) continue;
      if (batch.levels[i] != insertion::same) {
        const float *v = batch.rows.empty() ? ready.from(vecs + i * cfg.dim) : batch.rows[i];
        batch.slots[i] = add_point(v, batch.labels[i], i);
      }
      i = batch.next;
    }
  } catch (const std::bad_alloc &) {
    // Not HNSW_NO_MEMORY: upstream may have counted a row that is not linked.
    batch.failed = true;
    fail(HNSW_INTERNAL, "out of memory in the middle of an insert");
  } catch (...) {
    batch.failed = true;
    throw;
  }
}

slot_id hnsw_index::add_point(const float *vec, uint64_t label, size_t i) {
  const uint64_t name = pending->first + i;  // to upstream, until the slot has a number
  std::shared_lock<std::shared_mutex> beside(pending->crowd, std::defer_lock);
  std::unique_lock<std::shared_mutex> alone(pending->crowd, std::defer_lock);
  beside.lock();
  if (pending->levels[i] > g->maxlevel_) {
    beside.unlock();
    alone.lock();
  }
  const slot_id s = g->addPoint(vec, name, pending->levels[i]);
  {
    std::unique_lock<std::mutex> lock(g->label_lookup_lock);
    g->label_lookup_.erase(name);
  }
  g->setExternalLabel(s, s);
  if (g->element_levels_[s] > 0) {
    const size_t bytes = g->size_links_per_element_ * g->element_levels_[s];
    std::unique_lock<std::mutex> lock(g->link_list_locks_[s]);
    char *wider = static_cast<char *>(realloc(g->linkLists_[s], bytes + list_slack));
    if (!wider) throw std::bad_alloc();
    g->linkLists_[s] = wider;
  }
  labels[s] = label;
  dead[s] = 0;
  return s;
}

size_t hnsw_index::end() {
  if (!pending || pending->failed) fail(HNSW_INTERNAL, "there is no addition that could end");
  const insertion &batch = *pending;
  const size_t n = batch.next;  // threads take them in order, and have put in what they took
  if (n < batch.labels.size()) redraw_levels(n);
  labels.resize(slots());
  dead.resize(slots());
  try {
    for (size_t i = 0; i < n; i++) {
      const auto [at, fresh] = slot.try_emplace(batch.labels[i], batch.slots[i]);
      count_label(batch.labels[i]);
      if (fresh) {
        live++;
      } else {
        live += dead[at->second];  // a deleted label comes back, a live one stays
        if (batch.levels[i] == insertion::same) {
          dead[at->second] = 0;
        } else {
          dead[at->second] = 1;
          at->second = batch.slots[i];
        }
      }
      if (!batch.dead.empty() && batch.dead[i]) {
        dead[at->second] = 1;
        live--;
      }
    }
  } catch (const std::bad_alloc &) {
    fail(HNSW_INTERNAL, "out of memory at the end of an addition");
  }
  g->level_generator_ = batch.after;
  g->mult_ = batch.mult;
  pending.reset();
  stamp = next_stamp();
  return n;
}

std::unique_ptr<hnsw_index> hnsw_index::compact(bool keep_deleted) const {
  hnsw_config c = cfg;
  c.slots = std::max<size_t>(1, keep_deleted ? slot.size() : live);
  auto fresh = std::make_unique<hnsw_index>(c);
  auto batch = std::make_unique<insertion>();
  for (slot_id s = 0; s < slots(); s++) {
    if (!current(s) || (dead[s] && !keep_deleted)) continue;
    batch->labels.push_back(labels[s]);
    batch->rows.push_back(vector(s));
    batch->dead.push_back(dead[s]);
  }
  batch->levels.assign(batch->labels.size(), 0);
  batch->slots.resize(batch->labels.size());
  fresh->top_label = top_label;  // a label that is forgotten is not given out again
  fresh->labelled = labelled;
  fresh->pending = std::move(batch);
  fresh->draw_levels();
  return fresh;
}
