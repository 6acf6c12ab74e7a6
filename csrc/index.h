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
// The file is upstream's: the writer puts the caller's labels and the delete
// marks where upstream keeps them, and the loader takes them out again. A
// superseded slot is written as a tombstone of its old label. As slots are
// append-only, a label's current slot is its last one, and so upstream reading
// the file maps every label to the right slot.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "hnsw.h"
#include "kernel.h"
#include "upstream.h"

namespace minnow {

using graph = hnswlib::HierarchicalNSW<float>;
using slot_id = hnswlib::tableint;

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

}  // namespace minnow

struct hnsw_index {
  hnsw_config cfg;
  minnow::space metric;  // outlives g, which points into it
  std::unique_ptr<minnow::graph> g;

  std::vector<uint64_t> labels;                        // slot -> label
  std::vector<uint8_t> dead;                           // slot -> deleted or superseded
  std::unordered_map<uint64_t, minnow::slot_id> slot;  // label -> current slot
  size_t live = 0;

  explicit hnsw_index(const hnsw_config &cfg);

  size_t slots() const { return g->cur_element_count; }
  size_t deleted() const { return slot.size() - live; }
  const float *vector(minnow::slot_id s) const { return reinterpret_cast<const float *>(g->getDataByInternalId(s)); }
  float distance(const float *a, minnow::slot_id s) const { return metric.distance(a, vector(s), &metric.dim); }

  void reserve(size_t slots);
  size_t precheck(const float *vecs, const uint64_t *labels, size_t n) const;
  void add(const float *vecs, const uint64_t *labels, size_t n);
  void mark(const uint64_t *labels, size_t n, bool deleted);
  void items(const uint64_t *labels, size_t n, float *out) const;
  std::unique_ptr<hnsw_index> compact(bool keep_deleted) const;
  void verify() const;
  size_t file_bytes() const;

  void search(const float *queries, size_t n, size_t k, size_t ef, hnsw_neighbor *out, uint32_t *counts) const;

  // Rebuilds slot and live from labels and dead, or fails with HNSW_CORRUPT.
  void map_labels();

 private:
  void insert(const float *vec, uint64_t label);
  size_t search_graph(const float *query, size_t k, size_t ef, hnsw_neighbor *out) const;
  size_t search_all(const float *query, size_t k, hnsw_neighbor *out) const;
};
