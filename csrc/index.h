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
// The graph is linked (link.h) and walked (walk.h) by code of our own, over
// compact codes of the vectors where there are some (codes.h). Upstream's code for
// both stays within reach as the reference: its object keeps the links, in
// memory that we lend it, and is told of vectors by their numbers (space).
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
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "block.h"
#include "candidates.h"
#include "codes.h"
#include "hnsw.h"
#include "kernel.h"
#include "label_map.h"
#include "nearest.h"
#include "status.h"
#include "upstream.h"
#include "vectors.h"

namespace minnow {

using graph = hnswlib::HierarchicalNSW<float>;

inline distance_fn distance_in(int32_t space) { return space == HNSW_L2 ? best_kernel().l2 : best_kernel().ip; }

// What upstream takes for a vector: the number of a row of vectors, or a query
// that is in none. So the floats need not lie between the links, where a walk by
// codes would have to step over them.
struct numbered {
  static constexpr slot_id none = UINT32_MAX;

  slot_id number = none;
  const float *query = nullptr;
};

// Hands our kernel to upstream.
struct space final : hnswlib::SpaceInterface<float> {
  const vectors &rows;
  distance_fn distance;

  space(int32_t kind, const vectors &rows);
  size_t get_data_size() override { return sizeof(slot_id); }  // of numbered, its beginning
  hnswlib::DISTFUNC<float> get_dist_func() override;
  void *get_dist_func_param() override { return this; }
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

// Lists of a slot on its upper levels, empty; upstream frees them.
char *new_lists(const graph &g, size_t levels);

// A number that no state of an index in this process has had.
uint64_t next_stamp();

// The locks of lists, each of many of them. A thread holds one at a time.
class list_locks {
 public:
  std::mutex &of(slot_id s) { return locks[s % count]; }

 private:
  static constexpr size_t count = 256;
  std::unique_ptr<std::mutex[]> locks = std::make_unique<std::mutex[]>(count);
};

// What a query asks for, beside its vector.
struct wish {
  size_t k;
  size_t ef;
  float slack;              // where not 0, how far beyond the slack_k-th nearest so far the walk looks: see stop
  size_t slack_k;
  float longest;            // where slack is not 0: no vector is longer
  int32_t engine;           // HNSW_OWN or HNSW_UPSTREAM
  const uint64_t *allowed;  // a bitmap over slots, or null
  size_t matches;           // how many it allows
  slot_id without = numbered::none;  // one that the walk leaves out
};

// Vectors on their way into the graph. Between begin and end any number of
// threads take them one by one.
//
// begin gives each a slot and a level, in the order of the vectors, and puts it
// with its code where it belongs; what threads share is the linking. A vector
// that rises above the top level becomes the entry point, and goes in alone.
//
// It may end before all vectors are taken. Those taken are the first, and the
// generator of levels is set back to where it is after theirs.
//
// Upstream's addPoint may run beside itself too, but for three things. Its
// generator of levels has no lock (hnswalg.h L1187): what it draws is thrown away.
// It reads the entry point after it let go of the lock (L1197): hence alone. And it
// numbers slots in the order of arrival: so vectors find their slots at the end.
struct insertion {
  std::vector<uint64_t> labels;
  bool in_place = false;            // of a rebuild: the vectors are where they belong, and so are their codes
  std::vector<uint8_t> dead;        // of a rebuild: to be marked deleted
  std::vector<int> levels;          // same: the very vector is there already
  std::vector<slot_id> slots;       // where each went
  slot_id first;                    // number of slots before
  std::shared_mutex crowd;          // shared by threads that insert; who must be alone takes it whole
  std::atomic<size_t> next{0};      // the first that no thread has taken
  std::atomic<bool> failed{false};
  list_locks locks;
  std::default_random_engine before, after;  // upstream's generator, before and after the levels are drawn
  double mult;                               // upstream's factor, which is 0 meanwhile

  static constexpr int same = -1;
};

}  // namespace minnow

struct hnsw_index {
  hnsw_config cfg;
  minnow::vectors rows;    // outlives metric, which looks into it
  minnow::space metric;    // outlives g, which points into it
  minnow::memory_block links;  // of level 0: upstream's rows, a list, a number and a label
  minnow::codes codes;
  std::unique_ptr<minnow::graph, minnow::borrower> g;

  std::vector<uint64_t> labels;                        // slot -> label
  std::vector<uint8_t> dead;                           // slot -> deleted or superseded
  minnow::label_map slot{labels};                      // label -> current slot
  size_t live = 0;
  uint64_t stamp = 0;       // changes with every change that an answer could show
  uint64_t top_label = 0;   // the largest label so far
  bool labelled = false;    // there was one
  std::unique_ptr<minnow::insertion> pending;

  explicit hnsw_index(const hnsw_config &cfg, const std::string &folder = "");
  ~hnsw_index();

  size_t slots() const { return g->cur_element_count; }
  size_t deleted() const { return slot.size() - live; }
  const float *vector(minnow::slot_id s) const { return rows.at(s); }
  float distance(const float *a, minnow::slot_id s) const { return metric.distance(a, vector(s), &rows.dim); }

  void reserve(size_t slots);
  void drop();
  void need_vectors() const;  // or fail with HNSW_DROPPED
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
  void search(const float *queries, size_t n, const minnow::wish &w, hnsw_neighbor *out, uint32_t *counts) const;
  size_t within(const float *query, float radius, size_t ef, const uint64_t *allowed, size_t matches,
                hnsw_neighbor *out, size_t cap) const;
  size_t sample(size_t n, uint64_t seed, minnow::slot_id *out) const;
  void calibrate(const minnow::slot_id *a, const minnow::slot_id *b, size_t n, size_t k, size_t ef, const float *slacks,
                 size_t m, float longest, size_t *found) const;
  float longest() const;

  // Rebuilds slot and live from labels and dead, or fails with HNSW_CORRUPT.
  void map_labels();

  // Gives slot s its lists of links, all empty, and its label. What upstream's
  // addPoint does for itself.
  void lay_out(minnow::slot_id s, int level);

 private:
  size_t forget_from = 0;  // no slot below is a deleted label's

  void resize_rows(size_t n);
  bool current(minnow::slot_id s) const;
  void count_label(uint64_t label);
  void place();
  size_t redraw_levels(size_t n);
  template <class F>
  void crowded(int level, F &&f);
  template <class Linker>
  void add(size_t i, Linker &l);
  void add_upstream(size_t i);
  void settle(minnow::slot_id first, size_t n);
  size_t search_graph(const float *query, const minnow::wish &w, hnsw_neighbor *out) const;
  size_t search_upstream(const float *query, const minnow::wish &w, hnsw_neighbor *out) const;
  size_t search_all(const float *query, const minnow::wish &w, hnsw_neighbor *out) const;
};
