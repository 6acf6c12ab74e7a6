#include "index.h"

#include <algorithm>
#include <atomic>
#include <cfloat>
#include <cmath>

#include "status.h"

namespace minnow {
namespace {

// The floats behind what upstream takes for a vector. It may be where a slot's number is, of no
// greater alignment than the row.
const float *floats_of(const space &m, const void *p) {
  slot_id number;
  memcpy(&number, p, sizeof number);
  return number == numbered::none ? static_cast<const numbered *>(p)->query : m.rows.at(number);
}

float by_number(const void *a, const void *b, const void *metric) {
  const space &m = *static_cast<const space *>(metric);
  return m.distance(floats_of(m, a), floats_of(m, b), &m.rows.dim);
}

}  // namespace

space::space(int32_t kind, const vectors &rows)
    : rows(rows), distance(distance_in(kind)) {}

hnswlib::DISTFUNC<float> space::get_dist_func() { return by_number; }

void check_config(const hnsw_config &cfg) {
  if (cfg.space < HNSW_L2 || cfg.space > HNSW_COSINE) fail(HNSW_CONFIG, "space %d is none of 0, 1, 2", cfg.space);
  if (cfg.dim < 1 || cfg.dim > HNSW_MAX_DIM) {
    fail(HNSW_CONFIG, "dimension %zu is not in 1..%d", cfg.dim, HNSW_MAX_DIM);
  }
  if (cfg.m < HNSW_MIN_M || cfg.m > HNSW_MAX_M) {
    // M = 1 makes 1/log(M) infinite and casts it to a level (L142, L210).
    fail(HNSW_CONFIG, "M %zu is not in %d..%d", cfg.m, HNSW_MIN_M, HNSW_MAX_M);
  }
  if (cfg.ef_construction < 1 || cfg.ef_construction > HNSW_MAX_EF_CONSTRUCTION) {
    fail(HNSW_CONFIG, "ef_construction %zu is not in 1..%d", cfg.ef_construction, HNSW_MAX_EF_CONSTRUCTION);
  }
  if (cfg.code_bits != 0 && cfg.code_bits != 4 && cfg.code_bits != 8) {
    fail(HNSW_CONFIG, "codes of %d bits are none of 0, 4, 8", static_cast<int>(cfg.code_bits));
  }
  if (cfg.engine != HNSW_OWN && cfg.engine != HNSW_UPSTREAM) {
    fail(HNSW_CONFIG, "engine %d is unknown", static_cast<int>(cfg.engine));
  }
  if (cfg.slots < 1 || cfg.slots > HNSW_MAX_SLOTS) {
    fail(HNSW_CONFIG, "%zu elements are not in 1..%d", cfg.slots, HNSW_MAX_SLOTS);
  }
}

void check_vector(int32_t kind, const float *v, size_t dim, size_t i) {
  const float squared = 1.0f - best_kernel().ip(v, v, &dim);
  if (!(std::fabs(squared) <= FLT_MAX / 4)) {  // NaN compares false
    for (size_t j = 0; j < dim; j++) {
      if (!std::isfinite(v[j])) fail(HNSW_NOT_FINITE, "vector %zu: component %zu is %g", i, j, double(v[j]));
    }
    fail(HNSW_NOT_FINITE, "vector %zu: its squared length is over %g, distances would overflow", i,
         double(FLT_MAX / 4));
  }
  if (kind == HNSW_COSINE) {
    // Below the smallest normal float the sum has lost its digits, and the
    // direction with them.
    float sum = 0;
    for (size_t j = 0; j < dim; j++) sum += v[j] * v[j];
    if (sum < FLT_MIN) fail(HNSW_ZERO_VECTOR, "vector %zu: its length %g gives no direction", i, std::sqrt(double(sum)));
  }
}

void normalise(const float *v, float *out, size_t dim) {
  float sum = 0;
  for (size_t j = 0; j < dim; j++) sum += v[j] * v[j];
  const float scale = 1.0f / (std::sqrt(sum) + 1e-30f);
  for (size_t j = 0; j < dim; j++) out[j] = v[j] * scale;
}

uint64_t next_stamp() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

}  // namespace minnow

using namespace minnow;

hnsw_index::hnsw_index(const hnsw_config &c, const std::string &folder)
    : cfg(c), rows((check_config(c), c.dim), folder), metric(c.space, rows), codes(c.space, c.dim, c.code_bits) {
  // With room for one row first: a constructor that throws half-way leaks its
  // first block (L126, L138), while a failed reserve is cleaned up.
  g.reset(new graph(&metric, 1, cfg.m, cfg.ef_construction, cfg.seed));
  cfg.ef_construction = g->ef_construction_;  // upstream raises it to M (L114)
  std::vector<std::mutex>().swap(g->label_op_locks_);  // 2.6 MB for its own labels, which are none here
  free(std::exchange(g->data_level0_memory_, nullptr));
  resize_rows(1);
  reserve(cfg.slots);
  stamp = next_stamp();
}

hnsw_index::~hnsw_index() {
  // Of an addition that broke off there are lists that upstream does not count.
  if (pending && cfg.engine == HNSW_OWN) g->cur_element_count = labels.size();
}

void hnsw_index::resize_rows(size_t n) {
  rows.reserve(n);
  codes.reserve(n);
  links.resize(n * g->size_data_per_element_);
  g->data_level0_memory_ = links.data();
}

void hnsw_index::reserve(size_t want) {
  want = std::max({want, slots(), size_t{1}});  // L633 with 0 frees twice
  if (want > HNSW_MAX_SLOTS) fail(HNSW_FULL, "%zu elements are over the limit of %d", want, HNSW_MAX_SLOTS);
  if (want == g->max_elements_) return;
  // Rows first, so that an absurd size is refused before anything is written to.
  resize_rows(std::max(want, g->max_elements_));
  labels.reserve(want);
  dead.reserve(want);
  slot.reserve(want);
  // Upstream resizes the rows too (L644): it is shown a block of one byte a row.
  const size_t row = std::exchange(g->size_data_per_element_, 1);
  g->data_level0_memory_ = nullptr;
  bool resized = true;
  try {
    g->resizeIndex(want);
  } catch (const std::exception &) {
    // The count was checked above, so memory ran out. Growing, what has been
    // resized before is larger than needed. Shrinking, nothing asks for more.
    resized = false;
  }
  free(g->data_level0_memory_);
  g->size_data_per_element_ = row;
  g->data_level0_memory_ = links.data();
  if (!resized) throw std::bad_alloc();
  resize_rows(want);
  // Locks of 40 bytes a slot, which only upstream's addPoint takes.
  if (cfg.engine == HNSW_OWN) std::vector<std::mutex>().swap(g->link_list_locks_);
}

void hnsw_index::drop() {
  if (!codes.ready()) fail(HNSW_CONFIG, "there are no codes of its %zu vectors that could take their place", slots());
  codes.stand_alone();
  rows.drop();
  stamp = next_stamp();
}

void hnsw_index::need_vectors() const {
  if (rows.gone()) fail(HNSW_DROPPED, "the vectors were dropped; load the index again");
}

size_t hnsw_index::precheck(const float *vecs, const uint64_t *ls, size_t n) const {
  return check_batch(cfg.space, cfg.dim, vecs, ls, n, [&](uint64_t label) { return slot.at(label) != label_map::none; });
}

void hnsw_index::mark(const uint64_t *ls, size_t n, bool deleted) {
  for (size_t i = 0; i < n; i++) {
    const slot_id at = slot.at(ls[i]);
    const auto label = static_cast<unsigned long long>(ls[i]);
    if (at == label_map::none) fail(HNSW_NOT_FOUND, "label %llu", label);
    if (deleted && dead[at]) fail(HNSW_DELETED, "label %llu", label);
  }
  for (size_t i = 0; i < n; i++) {
    const slot_id s = slot.at(ls[i]);
    uint8_t &mark = dead[s];
    live -= !mark;
    mark = deleted;
    live += !mark;
    if (deleted) forget_from = std::min<size_t>(forget_from, s);
  }
  stamp = next_stamp();
}

void hnsw_index::forget(size_t n) {
  for (; n > 0 && forget_from < slots(); forget_from++) {
    const slot_id s = static_cast<slot_id>(forget_from);
    if (!dead[s] || !current(s)) continue;
    slot.erase(labels[s]);
    n--;
  }
}

bool hnsw_index::current(slot_id s) const {
  return slot.at(labels[s]) == s;
}

void hnsw_index::count_label(uint64_t label) {
  top_label = labelled ? std::max(top_label, label) : label;
  labelled = true;
}

void hnsw_index::items(const uint64_t *ls, size_t n, float *out) const {
  for (size_t i = 0; i < n; i++) {
    const slot_id at = slot.at(ls[i]);
    const auto label = static_cast<unsigned long long>(ls[i]);
    if (at == label_map::none) fail(HNSW_NOT_FOUND, "label %llu", label);
    if (dead[at]) fail(HNSW_DELETED, "label %llu", label);
    if (rows.gone()) {
      codes.tell(at, out + i * cfg.dim);
    } else {
      memcpy(out + i * cfg.dim, vector(at), cfg.dim * sizeof(float));
    }
  }
}

void hnsw_index::map_labels() {
  slot.clear();
  slot.reserve(g->max_elements_);
  live = 0;
  for (slot_id s = 0; s < slots(); s++) {
    const slot_id before = slot.at(labels[s]);
    if (before != label_map::none && !dead[s] && !dead[before]) {
      fail(HNSW_CORRUPT, "elements %u and %u are both live under label %llu", before, s,
           static_cast<unsigned long long>(labels[s]));
    }
    // A live slot wins over a tombstone, and a later slot over an earlier one.
    if (before == label_map::none || dead[before]) slot.put(labels[s], s);
    live += !dead[s];
    count_label(labels[s]);
  }
  forget_from = 0;
  stamp = next_stamp();
}
