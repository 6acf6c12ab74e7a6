// The index behind the C interface.
//
// Upstream gets the part that it does well, an append-only graph: every vector
// becomes a new slot, never updated, never marked deleted, and its upstream
// label is its slot number. Labels, deletion and replacement are ours, in the
// arrays below. That is the whole guard against these, with no line of
// upstream changed:
//
//   - updatePoint (hnswalg.h L995) rewires neighbours and can leave nodes that
//     nothing points to; replace_deleted loses labels (L967-990). Neither runs.
//   - Nodes marked deleted never become neighbours (L291), so that after a mass
//     deletion new nodes hang on few links, and with every candidate deleted
//     L524 takes back() of an empty vector. Upstream never sees a mark.
//   - A load maps a label to its last slot (L797). Ours prefers the live one.
//
// Queries walk the graph by a loop of our own (walk.h); upstream's stays within
// reach as the reference. A builder of our own, with compact codes beside the
// vectors, would stand where add_point calls upstream: nothing else knows how
// links are made.
//
// The file is upstream's: the writer puts the caller's labels and the delete
// marks where upstream keeps them, and the loader takes them out again. A
// superseded slot is written as a tombstone of its old label. As slots are
// append-only, a label's current slot is its last one, and so upstream reading
// the file maps every label to the right slot.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "candidates.h"
#include "hnsw.h"
#include "kernel.h"
#include "nearest.h"
#include "rows.h"
#include "status.h"
#include "upstream.h"

namespace minnow {

using graph = hnswlib::HierarchicalNSW<float>;

// Hands our kernel to upstream, which keeps the pointer to dim.
struct space final : hnswlib::SpaceInterface<float> {
  size_t dim;
  distance_fn distance;

  space(int32_t kind, size_t dim);
  size_t get_data_size() override { return dim * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void *get_dist_func_param() override { return &dim; }
};

// Fails with HNSW_CONFIG unless every field is within its bounds.
void check_config(const hnsw_config &cfg);

// Fails with HNSW_NOT_FINITE or HNSW_ZERO_VECTOR, naming the i-th vector.
// Components must be finite and the squared length at most a quarter of the
// largest float: then no distance between two vectors overflows, and heaps
// never see NaN.
void check_vector(int32_t kind, const float *v, size_t dim, size_t i);

// Scales v to length 1, as upstream's Python binding does.
void normalise(const float *v, float *out, size_t dim);

// Makes one vector after another what the index stores and compares: scaled to
// length 1 for cosine, else as it is. The result starts on a cache line, as the
// rows do, which is worth 1 or 2 % of a query; it stands until the next.
class ready_made {
 public:
  ready_made(int32_t kind, size_t dim) : kind(kind), dim(dim), floats(dim + cache_line / sizeof(float)) {
    void *start = floats.data();
    size_t space = floats.size() * sizeof(float);
    out = static_cast<float *>(std::align(cache_line, dim * sizeof(float), start, space));
  }

  const float *from(const float *v) {
    if (kind == HNSW_COSINE) {
      normalise(v, out, dim);
    } else {
      memcpy(out, v, dim * sizeof(float));
    }
    return out;
  }

 private:
  int32_t kind;
  size_t dim;
  std::vector<float> floats;
  float *out;
};

// Checks a batch, each vector and that no label is there twice, and returns how
// many of its labels known denies.
template <class Known>
size_t check_batch(int32_t kind, size_t dim, const float *vecs, const uint64_t *ls, size_t n, Known &&known) {
  size_t unknown = 0;
  std::unordered_map<uint64_t, size_t> seen;
  if (n > 1) seen.reserve(n);
  for (size_t i = 0; i < n; i++) {
    check_vector(kind, vecs + i * dim, dim, i);
    if (n > 1) {
      const auto [at, fresh] = seen.emplace(ls[i], i);
      if (!fresh) {
        fail(HNSW_DUPLICATE_LABEL, "label %llu is at %zu and again at %zu", static_cast<unsigned long long>(ls[i]),
             at->second, i);
      }
    }
    if (!known(ls[i])) unknown++;
  }
  return unknown;
}

// Deletes a graph whose rows are another's.
struct borrower {
  void operator()(graph *g) const {
    g->data_level0_memory_ = nullptr;
    delete g;
  }
};

// A number that no state of an index in this process has had.
uint64_t next_stamp();

// Vectors on their way into the graph. Between begin and end any number of
// threads take them one by one.
//
// Upstream's addPoint may run beside itself, but for three things. Its generator
// of levels has no lock (hnswalg.h L1187): so begin draws the levels, in the
// order of the vectors, and what addPoint draws is thrown away. It reads the
// entry point after it let go of the lock (L1197): so a vector that rises above
// the top level, and becomes the entry point, goes in alone. And it numbers slots
// in the order of arrival: so a slot learns its label when it has its number,
// and labels learn their slots at the end.
//
// It may end before all vectors are taken. Those taken are the first, and the
// generator is set back to where it is after their levels.
struct insertion {
  std::vector<uint64_t> labels;
  std::vector<const float *> rows;  // of a rebuild: the vectors, normalised already
  std::vector<uint8_t> dead;        // of a rebuild: to be marked deleted
  std::vector<int> levels;          // same: the very vector is there already
  std::vector<slot_id> slots;       // where each went
  slot_id first;                    // number of slots before
  std::shared_mutex crowd;          // shared by threads that insert; who must be alone takes it whole
  std::atomic<size_t> next{0};      // the first that no thread has taken
  std::atomic<bool> failed{false};
  // Upstream's generator before and after the levels are drawn, and its factor,
  // which is 0 meanwhile: see draw_levels.
  std::default_random_engine before, after;
  double mult;

  static constexpr int same = -1;
};

}  // namespace minnow

struct hnsw_index {
  hnsw_config cfg;
  minnow::space metric;    // outlives g, which points into it
  minnow::row_block rows;  // likewise
  std::unique_ptr<minnow::graph, minnow::borrower> g;

  std::vector<uint64_t> labels;                        // slot -> label
  std::vector<uint8_t> dead;                           // slot -> deleted or superseded
  std::unordered_map<uint64_t, minnow::slot_id> slot;  // label -> current slot
  size_t live = 0;
  uint64_t stamp = 0;       // changes with every change that an answer could show
  uint64_t top_label = 0;   // the largest label so far
  bool labelled = false;    // there was one
  std::unique_ptr<minnow::insertion> pending;

  explicit hnsw_index(const hnsw_config &cfg);

  size_t slots() const { return g->cur_element_count; }
  size_t deleted() const { return slot.size() - live; }
  const float *vector(minnow::slot_id s) const { return reinterpret_cast<const float *>(g->getDataByInternalId(s)); }
  float distance(const float *a, minnow::slot_id s) const { return metric.distance(a, vector(s), &metric.dim); }

  void reserve(size_t slots);
  size_t precheck(const float *vecs, const uint64_t *labels, size_t n) const;
  void mark(const uint64_t *labels, size_t n, bool deleted);
  void forget(size_t n);
  void items(const uint64_t *labels, size_t n, float *out) const;
  void verify() const;
  size_t file_bytes() const;
  size_t memory() const;
  size_t survey(size_t *levels, size_t levels_cap, size_t *degrees, size_t degrees_cap) const;

  void begin(const float *vecs, const uint64_t *labels, size_t n);
  void insert(const float *vecs, size_t until, size_t sure, const int32_t *waiting);
  size_t end();
  std::unique_ptr<hnsw_index> compact(bool keep_deleted) const;

  size_t match(const minnow::label_set &set, uint64_t *bits) const;
  void search(const float *queries, size_t n, size_t k, size_t ef, int32_t engine, const uint64_t *allowed,
              size_t matches, hnsw_neighbor *out, uint32_t *counts) const;
  size_t within(const float *query, float radius, size_t ef, const uint64_t *allowed, size_t matches,
                hnsw_neighbor *out, size_t cap) const;

  // Rebuilds slot and live from labels and dead, or fails with HNSW_CORRUPT.
  void map_labels();

 private:
  size_t forget_from = 0;  // no slot below is a deleted label's

  bool current(minnow::slot_id s) const;
  void count_label(uint64_t label);
  void draw_levels();
  size_t redraw_levels(size_t n);
  minnow::slot_id add_point(const float *vec, uint64_t label, size_t i);
  size_t search_graph(const float *query, size_t k, size_t ef, const uint64_t *allowed, hnsw_neighbor *out) const;
  size_t search_upstream(const float *query, size_t k, size_t ef, const uint64_t *allowed, hnsw_neighbor *out) const;
  size_t search_all(const float *query, size_t k, const uint64_t *allowed, hnsw_neighbor *out) const;
};
