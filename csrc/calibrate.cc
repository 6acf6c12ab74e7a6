// How far a walk has to look for a recall: measured, on vectors of the index itself.
//
// A sample asks for its neighbours as if it were not in the index, so that it is a query
// like others: its own links would lead it to them. Samples lie on level 0 alone, where
// no upper level leads to them either. A blend of two asks for what lies between, as a query does that
// is of another kind than the vectors: a word that looks for definitions, say.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "index.h"
#include "status.h"

using namespace minnow;

size_t hnsw_index::sample(size_t n, uint64_t seed, slot_id *out) const {
  std::mt19937_64 random(seed);
  size_t got = 0, seen = 0;
  for (slot_id s = 0; s < slots(); s++) {  // each of them with the same chance (algorithm R)
    if (dead[s] || g->element_levels_[s] > 0) continue;
    if (got < n) {
      out[got++] = s;
    } else if (const size_t at = random() % (seen + 1); at < n) {
      out[at] = s;
    }
    seen++;
  }
  std::shuffle(out, out + got, random);
  return got;
}

float hnsw_index::longest() const {
  float most = 0;
  if (rows.gone()) return most;
  for (slot_id s = 0; s < slots(); s++) most = std::max(most, 1 - best_kernel().ip(vector(s), vector(s), &cfg.dim));
  return std::sqrt(most);
}

void hnsw_index::calibrate(const slot_id *a, const slot_id *b, size_t n, size_t k, size_t ef, const float *slacks,
                           size_t m, float longest, size_t *found) const {
  need_vectors();
  if (k < 1 || live < 2) fail(HNSW_CONFIG, "k %zu of %zu elements", k, live);
  k = std::min(k, live - 1);
  ready_made ready(cfg.space, cfg.dim);
  std::vector<float> queries(n * cfg.dim), mean(cfg.dim);
  std::vector<hnsw_neighbor> out(n * k), got(k);
  std::vector<nearest> truth;
  for (size_t i = 0; i < n; i++) {
    if (a[i] >= slots() || b[i] >= slots()) fail(HNSW_CONFIG, "sample %zu is none of %zu slots", i, slots());
    for (size_t j = 0; j < cfg.dim; j++) mean[j] = (vector(a[i])[j] + vector(b[i])[j]) / 2;
    memcpy(queries.data() + i * cfg.dim, a[i] == b[i] ? vector(a[i]) : ready.from(mean.data()), cfg.dim * sizeof(float));
    truth.emplace_back(out.data() + i * k, k);
  }
  const auto without = [&](size_t i) { return a[i] == b[i] ? a[i] : numbered::none; };
  for (slot_id s = 0; s < slots(); s++) {  // once through memory, with all samples
    if (dead[s]) continue;
    for (size_t i = 0; i < n; i++) {
      if (s != without(i)) truth[i].offer(s, distance(queries.data() + i * cfg.dim, s));
    }
  }
  for (size_t i = 0; i < n; i++) {
    const float farthest = truth[i].worst();
    for (size_t j = 0; j < m; j++) {
      const wish w{k, std::max(ef, k), slacks[j], k, longest, HNSW_OWN, nullptr, 0, without(i)};
      const size_t count = search_graph(queries.data() + i * cfg.dim, w, got.data());
      // By distance: of several at the k-th distance, any will do.
      const auto good = [&](const hnsw_neighbor &h) { return h.distance <= farthest; };
      const auto hits = std::count_if(got.begin(), got.begin() + static_cast<ptrdiff_t>(count), good);
      found[j] += static_cast<size_t>(hits);
      if (static_cast<size_t>(hits) < k) continue;
      while (++j < m) found[j] += k;  // who looks further finds no less
    }
  }
}
