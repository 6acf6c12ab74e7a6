// The exact index. Upstream's BruteforceSearch (bruteforce.h) reads beyond its
// rows where k is more than there are (L108), lets go of valid hits under a
// filter (L118), uses an iterator after erasing it and brings the last label
// back to life (L94-97), and does not rebuild its labels on load (L152). It is
// a hundred lines: these keep its file format, and nothing else.
#include "flat.h"

#include <cstring>
#include <memory>
#include <unordered_map>
#include <vector>

#include "file.h"
#include "index.h"
#include "status.h"

using namespace minnow;

struct hnsw_flat {
  hnsw_config cfg;
  distance_fn distance;
  std::vector<float> vectors;                // row-major
  std::vector<uint64_t> labels;              // row -> label
  std::unordered_map<uint64_t, size_t> row;  // label -> row
  size_t room = 0;
  uint64_t stamp = next_stamp();
  uint64_t top_label = 0;  // the largest so far
  bool labelled = false;   // there was one

  explicit hnsw_flat(const hnsw_config &c) : cfg(c), distance((check(c), distance_in(c.space))) { reserve(c.slots); }

  static void check(hnsw_config c) {
    c.m = HNSW_MIN_M;
    c.ef_construction = 1;
    check_config(c);
  }

  size_t size() const { return labels.size(); }
  const float *vector(size_t r) const { return vectors.data() + r * cfg.dim; }

  void reserve(size_t want) {
    want = std::max(want, size());
    if (want > HNSW_MAX_SLOTS) fail(HNSW_FULL, "%zu elements are over the limit of %d", want, HNSW_MAX_SLOTS);
    if (want <= room) {
      room = want;
      return;
    }
    vectors.reserve(want * cfg.dim);
    labels.reserve(want);
    row.reserve(want);
    room = want;
  }

  void count_label(uint64_t label) {
    top_label = labelled ? std::max(top_label, label) : label;
    labelled = true;
  }

  void add(const float *vecs, const uint64_t *ls, size_t n) {
    const size_t fresh = check_batch(cfg.space, cfg.dim, vecs, ls, n, [&](uint64_t l) { return row.count(l) != 0; });
    if (fresh > room - size()) fail(HNSW_FULL, "%zu rows and %zu to add are over %zu", size(), fresh, room);
    ready_made ready(cfg.space, cfg.dim);
    const size_t before = size();
    try {
      for (size_t i = 0; i < n; i++) {
        const auto [at, is_new] = row.try_emplace(ls[i], size());
        if (!is_new) continue;
        labels.push_back(ls[i]);  // reserve made the room
        vectors.resize(size() * cfg.dim);
      }
    } catch (...) {  // of the map; no vector has been replaced yet
      for (size_t r = before; r < size(); r++) row.erase(labels[r]);
      labels.resize(before);
      vectors.resize(before * cfg.dim);
      throw;
    }
    for (size_t i = 0; i < n; i++) {
      float *to = vectors.data() + row.find(ls[i])->second * cfg.dim;
      memcpy(to, ready.from(vecs + i * cfg.dim), cfg.dim * sizeof(float));
      count_label(ls[i]);
    }
    stamp = next_stamp();
  }

  size_t find(uint64_t label) const {
    const auto at = row.find(label);
    if (at == row.end()) fail(HNSW_NOT_FOUND, "label %llu", static_cast<unsigned long long>(label));
    return at->second;
  }

  void remove(const uint64_t *ls, size_t n) {
    for (size_t i = 0; i < n; i++) find(ls[i]);
    for (size_t i = 0; i < n; i++) {
      const auto at = row.find(ls[i]);
      if (at == row.end()) continue;  // given twice
      const size_t gap = at->second, last = size() - 1;
      row.erase(at);
      if (gap != last) {
        memcpy(vectors.data() + gap * cfg.dim, vector(last), cfg.dim * sizeof(float));
        labels[gap] = labels[last];
        row.find(labels[gap])->second = gap;
      }
      labels.pop_back();
      vectors.resize(size() * cfg.dim);
    }
    stamp = next_stamp();
  }

  void search(const float *queries, size_t n, size_t k, const uint64_t *allowed, size_t matches, hnsw_neighbor *out,
              uint32_t *counts) const {
    if (k < 1) fail(HNSW_CONFIG, "k is 0");
    for (size_t i = 0; i < n; i++) check_vector(cfg.space, queries + i * cfg.dim, cfg.dim, i);
    ready_made ready(cfg.space, cfg.dim);
    for (size_t i = 0; i < n; i++) {
      const float *q = ready.from(queries + i * cfg.dim);
      nearest best(out + i * k, std::min(k, allowed ? matches : size()));
      const auto look = [&](size_t r) { best.offer(labels[r], distance(q, vector(r), &cfg.dim)); };
      if (allowed) {
        each_bit(allowed, words_for(size()), look);
      } else {
        for (size_t r = 0; r < size(); r++) look(r);
      }
      counts[i] = static_cast<uint32_t>(best.finish());
    }
  }

  size_t row_bytes() const { return cfg.dim * sizeof(float) + sizeof(uint64_t); }

  void restore(const char *rows, size_t n) {
    if (n > room - size()) fail(HNSW_FULL, "%zu rows and %zu to add are over %zu", size(), n, room);
    for (size_t i = 0; i < n; i++, rows += row_bytes()) {
      uint64_t label;
      memcpy(&label, rows + cfg.dim * sizeof(float), sizeof label);
      const size_t r = size();
      vectors.resize((r + 1) * cfg.dim);
      memcpy(vectors.data() + r * cfg.dim, rows, cfg.dim * sizeof(float));
      verify_vector(cfg.space, vector(r), cfg.dim, r);
      if (!row.try_emplace(label, r).second) {
        fail(HNSW_CORRUPT, "element %zu: label %llu is another's", r, static_cast<unsigned long long>(label));
      }
      labels.push_back(label);
      count_label(label);
    }
    stamp = next_stamp();
  }
};

hnsw_flat *hnsw_flat_new(const hnsw_config *cfg, hnsw_status *st) noexcept {
  hnsw_flat *ix = nullptr;
  guard(st, [&] { ix = new hnsw_flat(*cfg); });
  return ix;
}

void hnsw_flat_free(hnsw_flat *ix) noexcept { delete ix; }

void hnsw_flat_stat(const hnsw_flat *ix, hnsw_stats *out) noexcept {
  *out = {};
  out->slots = out->live = ix->size();
  out->room = ix->room;
  out->stamp = ix->stamp;
  out->next_label = ix->labelled ? ix->top_label + 1 : 0;
  out->labels_left = ix->labelled ? UINT64_MAX - ix->top_label : UINT64_MAX;
}

void hnsw_flat_reserve(hnsw_flat *ix, size_t slots, hnsw_status *st) noexcept {
  guard(st, [&] { ix->reserve(slots); });
}

void hnsw_flat_precheck(const hnsw_flat *ix, const float *vecs, const uint64_t *labels, size_t n, size_t *new_labels,
                        hnsw_status *st) noexcept {
  guard(st, [&] {
    *new_labels = check_batch(ix->cfg.space, ix->cfg.dim, vecs, labels, n,
                              [&](uint64_t l) { return ix->row.count(l) != 0; });
  });
}

void hnsw_flat_add(hnsw_flat *ix, const float *vecs, const uint64_t *labels, size_t n, hnsw_status *st) noexcept {
  guard(st, [&] { ix->add(vecs, labels, n); });
}

void hnsw_flat_delete(hnsw_flat *ix, const uint64_t *labels, size_t n, hnsw_status *st) noexcept {
  guard(st, [&] { ix->remove(labels, n); });
}

size_t hnsw_flat_match(const hnsw_flat *ix, const uint64_t *set, size_t n, uint64_t base, int32_t form,
                       uint64_t *bits) noexcept {
  return match_rows(
      {set, n, base, form}, ix->size(), bits, [](size_t) { return true; }, [&](size_t r) { return ix->labels[r]; },
      [&](uint64_t label) {
        const auto at = ix->row.find(label);
        return at == ix->row.end() ? ix->size() : at->second;
      });
}

void hnsw_flat_search(const hnsw_flat *ix, const float *queries, size_t n, size_t k, const uint64_t *allowed,
                      size_t matches, hnsw_neighbor *out, uint32_t *counts, hnsw_status *st) noexcept {
  guard(st, [&] { ix->search(queries, n, k, allowed, matches, out, counts); });
}

void hnsw_flat_items(const hnsw_flat *ix, const uint64_t *labels, size_t n, float *out, hnsw_status *st) noexcept {
  guard(st, [&] {
    for (size_t i = 0; i < n; i++) {
      memcpy(out + i * ix->cfg.dim, ix->vector(ix->find(labels[i])), ix->cfg.dim * sizeof(float));
    }
  });
}

size_t hnsw_flat_labels(const hnsw_flat *ix, uint64_t *out, size_t cap, hnsw_status *st) noexcept {
  size_t n = 0;
  guard(st, [&] {
    n = std::min(cap, ix->size());
    std::partial_sort_copy(ix->labels.begin(), ix->labels.end(), out, out + n);
  });
  return n;
}

int32_t hnsw_flat_has(const hnsw_flat *ix, uint64_t label) noexcept { return ix->row.count(label) != 0; }

void hnsw_flat_rows(const hnsw_flat *ix, size_t first, size_t n, char *buf) noexcept {
  for (size_t r = first; r < first + n; r++, buf += ix->row_bytes()) {
    memcpy(buf, ix->vector(r), ix->cfg.dim * sizeof(float));
    memcpy(buf + ix->cfg.dim * sizeof(float), &ix->labels[r], sizeof(uint64_t));
  }
}

void hnsw_flat_restore(hnsw_flat *ix, const char *rows, size_t n, hnsw_status *st) noexcept {
  guard(st, [&] { ix->restore(rows, n); });
}
