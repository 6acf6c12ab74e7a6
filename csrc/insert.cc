// Additions: begin, the part that threads share, and end. Why it takes three
// steps is said at struct insertion in index.h.
#include <algorithm>

#include "index.h"
#include "link.h"
#include "status.h"

namespace minnow {
namespace {

// Upstream's prefetch reads the link after the last one (hnswalg.h L277-278).
// On level 0 that is the row's number; upper lists are blocks of their own with
// one spare byte (L1207). This gives them a spare link.
constexpr size_t list_slack = sizeof(slot_id);

}  // namespace

char *new_lists(const graph &g, size_t levels) {
  char *lists = static_cast<char *>(calloc(1, levels * g.size_links_per_element_ + list_slack));
  if (!lists) throw std::bad_alloc();
  return lists;
}

}  // namespace minnow

using namespace minnow;

void hnsw_index::begin(const float *vecs, const uint64_t *ls, size_t n) {
  need_vectors();
  precheck(vecs, ls, n);
  // Codes look at the vectors at set numbers of them, however many come at a time: one thread builds the same graph.
  if (codes.width()) n = std::min(n, codes.next_look(slots()) - slots());
  auto batch = std::make_unique<insertion>();
  batch->labels.assign(ls, ls + n);
  batch->levels.assign(n, 0);
  batch->slots.resize(n);
  ready_made ready(cfg.space, cfg.dim);
  size_t fresh = 0;
  for (size_t i = 0; i < n; i++) {
    const slot_id old = slot.at(ls[i]);
    if (old != label_map::none) {
      const float *v = ready.from(vecs + i * cfg.dim);
      if (memcmp(v, vector(old), cfg.dim * sizeof(float)) == 0) batch->levels[i] = insertion::same;
    }
    fresh += batch->levels[i] != insertion::same;
  }
  if (fresh > g->max_elements_ - slots()) {
    fail(HNSW_FULL, "%zu slots in use and %zu to add are over %zu", slots(), fresh, g->max_elements_);
  }
  pending = std::move(batch);
  place();
}

// Draws a level and chooses a slot for each vector. From here to end, upstream draws its levels with a
// factor of 0: always level 0, which a level of ours above that overrides (L1190).
void hnsw_index::place() {
  insertion &batch = *pending;
  batch.before = g->level_generator_;
  batch.mult = std::exchange(g->mult_, 0);
  const size_t fresh = redraw_levels(batch.levels.size());
  batch.first = static_cast<slot_id>(slots());
  slot_id next = batch.first;
  for (size_t i = 0; i < batch.slots.size(); i++) {
    if (batch.levels[i] != insertion::same) batch.slots[i] = next++;
  }
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
  const auto take_all = [&](auto &&link) {
    ready_made ready(cfg.space, cfg.dim);
    for (size_t i = batch.next; !enough(i);) {
      if (!batch.next.compare_exchange_weak(i, i + 1)) continue;
      if (batch.levels[i] != insertion::same) {
        if (!batch.in_place) memcpy(rows.at(batch.slots[i]), ready.from(vecs + i * cfg.dim), cfg.dim * sizeof(float));
        labels[batch.slots[i]] = batch.labels[i];
        dead[batch.slots[i]] = 0;
        link(i);
      }
      i = batch.next;
    }
  };
  walker &w = own_walker();
  try {
    if (cfg.engine == HNSW_UPSTREAM) {
      take_all([&](size_t i) { add_upstream(i); });
    } else if (codes.ready()) {
      linker<code_scorer> l(*this, batch, w);
      take_all([&](size_t i) { add(i, l); });
    } else {
      linker<vector_scorer> l(*this, batch, w);
      take_all([&](size_t i) { add(i, l); });
    }
  } catch (const std::bad_alloc &) {
    // Not HNSW_NO_MEMORY: a row may be linked half-way.
    batch.failed = true;
    fail(HNSW_INTERNAL, "out of memory in the middle of an insert");
  } catch (...) {
    batch.failed = true;
    throw;
  }
}

// Calls f beside other threads' insertions or, for a vector that rises above the top level, alone.
template <class F>
void hnsw_index::crowded(int level, F &&f) {
  std::shared_lock<std::shared_mutex> beside(pending->crowd);
  if (level <= g->maxlevel_) return f();
  beside.unlock();
  std::unique_lock<std::shared_mutex> alone(pending->crowd);
  f();
}

void hnsw_index::lay_out(slot_id s, int level) {
  memset(g->get_linklist0(s), 0, g->size_data_per_element_);
  memcpy(g->getDataByInternalId(s), &s, sizeof s);
  g->setExternalLabel(s, s);
  g->linkLists_[s] = level > 0 ? new_lists(*g, static_cast<size_t>(level)) : nullptr;
  g->element_levels_[s] = level;
}

template <class Linker>
void hnsw_index::add(size_t i, Linker &l) {
  const slot_id s = pending->slots[i];
  const int level = pending->levels[i];
  lay_out(s, level);
  if (codes.ready() && !pending->in_place) codes.put(s, vector(s));
  crowded(level, [&] {
    const bool first = g->maxlevel_ < 0;
    if (!first) l.link(s);
    if (level > g->maxlevel_) {
      g->enterpoint_node_ = s;
      g->maxlevel_ = level;
    }
  });
}

void hnsw_index::add_upstream(size_t i) {
  const uint64_t name = pending->first + i;  // until the slot has a number
  const numbered v{pending->slots[i], nullptr};
  slot_id s;
  crowded(pending->levels[i], [&] { s = g->addPoint(&v, name, pending->levels[i]); });
  {
    std::unique_lock<std::mutex> lock(g->label_lookup_lock);
    g->label_lookup_.erase(name);
  }
  if (g->element_levels_[s] > 0) {
    const size_t bytes = g->size_links_per_element_ * g->element_levels_[s];
    std::unique_lock<std::mutex> lock(g->link_list_locks_[s]);
    char *wider = static_cast<char *>(realloc(g->linkLists_[s], bytes + list_slack));
    if (!wider) throw std::bad_alloc();
    g->linkLists_[s] = wider;
  }
}

// Moves vectors and labels to the slots that upstream gave them: from now on, a slot's number is its own.
void hnsw_index::settle(slot_id first, size_t n) {
  std::vector<float> spare(cfg.dim);
  const size_t bytes = cfg.dim * sizeof(float);
  const auto number = [&](slot_id s) {
    slot_id from;
    memcpy(&from, g->getDataByInternalId(s), sizeof from);
    return from;
  };
  std::vector<slot_id> moved(n);  // number -> slot
  for (slot_id s = first; s < first + n; s++) {
    moved[number(s) - first] = s;
    g->setExternalLabel(s, s);
  }
  for (slot_id start = first; start < first + n; start++) {
    if (number(start) == start) continue;
    memcpy(spare.data(), rows.at(start), bytes);
    const uint64_t label = labels[start];
    slot_id s = start;
    for (slot_id from; (from = number(s)) != start; s = from) {
      memcpy(rows.at(s), rows.at(from), bytes);
      labels[s] = labels[from];
      memcpy(g->getDataByInternalId(s), &s, sizeof s);
    }
    memcpy(rows.at(s), spare.data(), bytes);
    labels[s] = label;
    memcpy(g->getDataByInternalId(s), &s, sizeof s);
  }
  for (size_t i = 0; i < pending->slots.size(); i++) {
    slot_id &s = pending->slots[i];
    if (pending->levels[i] != insertion::same && s < first + n) s = moved[s - first];
  }
}

size_t hnsw_index::end() {
  if (!pending || pending->failed) fail(HNSW_INTERNAL, "there is no addition that could end");
  insertion &batch = *pending;
  const size_t n = batch.next;  // threads take them in order, and have put in what they took
  const size_t fresh_ones = redraw_levels(n);
  const size_t count = batch.first + fresh_ones;
  if (cfg.engine == HNSW_UPSTREAM) {
    settle(batch.first, fresh_ones);
    for (slot_id s = batch.first; codes.ready() && s < count; s++) codes.put(s, vector(s));
  }
  g->cur_element_count = count;
  labels.resize(count);
  dead.resize(count);
  try {
    for (size_t i = 0; i < n; i++) {
      const uint64_t label = batch.labels[i];
      const slot_id old = slot.at(label), s = batch.levels[i] == insertion::same ? old : batch.slots[i];
      live += old == label_map::none || dead[old];  // a deleted label comes back, a live one stays
      if (old != label_map::none) dead[old] = s != old;
      slot.put(label, s);
      count_label(label);
      if (!batch.dead.empty() && batch.dead[i]) {
        dead[s] = 1;
        live--;
      }
    }
  } catch (const std::bad_alloc &) {
    fail(HNSW_INTERNAL, "out of memory at the end of an addition");
  }
  if (codes.width() && count == codes.next_look(batch.first)) codes.look(rows, count);
  g->level_generator_ = batch.after;
  g->mult_ = batch.mult;
  pending.reset();
  stamp = next_stamp();
  return n;
}

std::unique_ptr<hnsw_index> hnsw_index::compact(bool keep_deleted) const {
  need_vectors();
  hnsw_config c = cfg;
  c.slots = std::max<size_t>(1, keep_deleted ? slot.size() : live);
  auto fresh = std::make_unique<hnsw_index>(c, rows.folder);
  auto batch = std::make_unique<insertion>();
  for (slot_id s = 0; s < slots(); s++) {
    if (!current(s) || (dead[s] && !keep_deleted)) continue;
    memcpy(fresh->rows.at(static_cast<slot_id>(batch->labels.size())), vector(s), cfg.dim * sizeof(float));
    batch->labels.push_back(labels[s]);
    batch->dead.push_back(dead[s]);
  }
  batch->in_place = true;
  batch->levels.assign(batch->labels.size(), 0);
  batch->slots.resize(batch->labels.size());
  fresh->top_label = top_label;  // a label that is forgotten is not given out again
  fresh->labelled = labelled;
  fresh->codes.learn(fresh->rows, batch->labels.size());
  fresh->pending = std::move(batch);
  fresh->place();
  return fresh;
}
