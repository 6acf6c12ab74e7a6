// The entries of hnsw.h: one guard each, no logic.
#include "hnsw.h"

#include <algorithm>
#include <memory>
#include <string>

#include "file.h"
#include "index.h"
#include "kernel.h"
#include "status.h"

using minnow::guard;

static_assert(sizeof(hnsw_status) == 256, "part of the ABI");
static_assert(sizeof(hnsw_neighbor) == 16, "csrc.Neighbor mirrors it");

hnsw_index *hnsw_index_new(const hnsw_config *cfg, const char *folder, size_t folder_len, hnsw_status *st) noexcept {
  hnsw_index *ix = nullptr;
  guard(st, [&] { ix = new hnsw_index(*cfg, std::string(folder, folder_len)); });
  return ix;
}

void hnsw_index_free(hnsw_index *ix) noexcept { delete ix; }

void hnsw_index_drop(hnsw_index *ix, hnsw_status *st) noexcept {
  guard(st, [&] { ix->drop(); });
}

void hnsw_index_stat(const hnsw_index *ix, hnsw_stats *out) noexcept {
  *out = {ix->slots(),
          ix->live,
          ix->deleted(),
          ix->g->max_elements_,
          ix->g->M_,
          ix->g->ef_construction_,
          ix->stamp,
          ix->labelled ? ix->top_label + 1 : 0,
          ix->labelled ? UINT64_MAX - ix->top_label : UINT64_MAX};
}

size_t hnsw_index_file_bytes(const hnsw_index *ix) noexcept { return ix->file_bytes(); }

void hnsw_index_reserve(hnsw_index *ix, size_t slots, hnsw_status *st) noexcept {
  guard(st, [&] { ix->reserve(slots); });
}

void hnsw_index_precheck(const hnsw_index *ix, const float *vecs, const uint64_t *labels, size_t n,
                         size_t *new_labels, hnsw_status *st) noexcept {
  guard(st, [&] { *new_labels = ix->precheck(vecs, labels, n); });
}

void hnsw_index_begin(hnsw_index *ix, const float *vecs, const uint64_t *labels, size_t n, hnsw_status *st) noexcept {
  guard(st, [&] { ix->begin(vecs, labels, n); });
}

void hnsw_index_insert(hnsw_index *ix, const float *vecs, size_t until, size_t sure, const int32_t *waiting,
                       hnsw_status *st) noexcept {
  guard(st, [&] { ix->insert(vecs, until, sure, waiting); });
}

size_t hnsw_index_end(hnsw_index *ix, hnsw_status *st) noexcept {
  size_t n = 0;
  guard(st, [&] { n = ix->end(); });
  return n;
}

void hnsw_index_forget(hnsw_index *ix, size_t n, hnsw_status *st) noexcept {
  guard(st, [&] { ix->forget(n); });
}

size_t hnsw_index_match(const hnsw_index *ix, const uint64_t *set, size_t n, uint64_t base, int32_t form,
                        uint64_t *bits) noexcept {
  return ix->match({set, n, base, form}, bits);
}

void hnsw_index_search(const hnsw_index *ix, const float *queries, size_t n, size_t k, size_t ef, float slack,
                       size_t slack_k, float longest, int32_t engine, const uint64_t *allowed, size_t matches,
                       hnsw_neighbor *out, uint32_t *counts, hnsw_status *st) noexcept {
  guard(st, [&] { ix->search(queries, n, {k, ef, slack, slack_k, longest, engine, allowed, matches}, out, counts); });
}

size_t hnsw_index_sample(const hnsw_index *ix, size_t n, uint64_t seed, uint32_t *out, hnsw_status *st) noexcept {
  size_t got = 0;
  guard(st, [&] { got = ix->sample(n, seed, out); });
  return got;
}

float hnsw_index_longest(const hnsw_index *ix) noexcept { return ix->longest(); }

void hnsw_index_calibrate(const hnsw_index *ix, const uint32_t *a, const uint32_t *b, size_t n, size_t k, size_t ef,
                          const float *slacks, size_t m, float longest, size_t *found, hnsw_status *st) noexcept {
  guard(st, [&] { ix->calibrate(a, b, n, k, ef, slacks, m, longest, found); });
}

size_t hnsw_index_within(const hnsw_index *ix, const float *query, float radius, size_t ef, const uint64_t *allowed,
                         size_t matches, hnsw_neighbor *out, size_t cap, hnsw_status *st) noexcept {
  size_t n = 0;
  guard(st, [&] { n = ix->within(query, radius, ef, allowed, matches, out, cap); });
  return n;
}

void hnsw_index_items(const hnsw_index *ix, const uint64_t *labels, size_t n, float *out, hnsw_status *st) noexcept {
  guard(st, [&] { ix->items(labels, n, out); });
}

void hnsw_index_mark(hnsw_index *ix, const uint64_t *labels, size_t n, int32_t deleted, hnsw_status *st) noexcept {
  guard(st, [&] { ix->mark(labels, n, deleted != 0); });
}

size_t hnsw_index_labels(const hnsw_index *ix, uint64_t *out, size_t cap, hnsw_status *st) noexcept {
  size_t n = 0;
  guard(st, [&] {
    ix->slot.each([&](uint32_t s) {
      if (n < cap && !ix->dead[s]) out[n++] = ix->labels[s];
    });
    std::sort(out, out + n);
  });
  return n;
}

int32_t hnsw_index_has(const hnsw_index *ix, uint64_t label) noexcept {
  const uint32_t at = ix->slot.at(label);
  return at != minnow::label_map::none && !ix->dead[at];
}

hnsw_index *hnsw_index_compact(const hnsw_index *ix, int32_t keep_deleted, hnsw_status *st) noexcept {
  hnsw_index *fresh = nullptr;
  guard(st, [&] { fresh = ix->compact(keep_deleted != 0).release(); });
  return fresh;
}

size_t hnsw_index_survey(const hnsw_index *ix, size_t *levels, size_t levels_cap, size_t *degrees, size_t degrees_cap,
                         hnsw_status *st) noexcept {
  size_t n = 0;
  guard(st, [&] { n = ix->survey(levels, levels_cap, degrees, degrees_cap); });
  return n;
}

size_t hnsw_index_memory(const hnsw_index *ix) noexcept { return ix->memory(); }

void hnsw_index_verify(const hnsw_index *ix, hnsw_status *st) noexcept {
  guard(st, [&] { ix->verify(); });
}

hnsw_writer *hnsw_writer_new(const hnsw_index *ix, size_t max_elements, hnsw_status *st) noexcept {
  hnsw_writer *w = nullptr;
  guard(st, [&] { w = new hnsw_writer(*ix, max_elements); });
  return w;
}

size_t hnsw_writer_read(hnsw_writer *w, char *buf, size_t cap, hnsw_status *st) noexcept {
  size_t n = 0;
  guard(st, [&] { n = w->read(buf, cap); });
  return n;
}

void hnsw_writer_free(hnsw_writer *w) noexcept { delete w; }

hnsw_loader *hnsw_loader_new(const hnsw_config *cfg, const char *folder, size_t folder_len, size_t file_bytes,
                             hnsw_status *st) noexcept {
  hnsw_loader *l = nullptr;
  guard(st, [&] { l = new hnsw_loader(*cfg, std::string(folder, folder_len), file_bytes); });
  return l;
}

void hnsw_loader_feed(hnsw_loader *l, const char *buf, size_t n, hnsw_status *st) noexcept {
  guard(st, [&] { l->feed(buf, n); });
}

hnsw_index *hnsw_loader_finish(hnsw_loader *l, size_t *max_elements, hnsw_status *st) noexcept {
  hnsw_index *ix = nullptr;
  guard(st, [&] {
    ix = l->finish().release();
    *max_elements = l->header.max_elements;
  });
  return ix;
}

void hnsw_loader_free(hnsw_loader *l) noexcept { delete l; }

size_t hnsw_kernel_count(void) noexcept { return minnow::kernel_count(); }

const char *hnsw_kernel_name(size_t i) noexcept { return minnow::kernel_at(i).name; }

int32_t hnsw_kernel_usable(size_t i) noexcept { return minnow::kernel_at(i).usable(); }

size_t hnsw_kernel_best(void) noexcept { return minnow::best_kernel_index(); }

float hnsw_kernel_distance(size_t i, int32_t space, const float *a, const float *b, size_t dim) noexcept {
  const minnow::kernel &k = minnow::kernel_at(i);
  return (space == HNSW_L2 ? k.l2 : k.ip)(a, b, &dim);
}

void hnsw_kernel_dot(size_t i, int32_t bits, const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n,
                     const int8_t *query, int32_t *out) noexcept {
  const minnow::kernel &k = minnow::kernel_at(i);
  minnow::dot_all(bits == 8 ? k.dot8 : k.dot4, codes, lines, ids, n, query, out);
}
