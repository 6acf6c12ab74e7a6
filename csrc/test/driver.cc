// Exercises the C interface from several threads, for the sanitizers to watch:
// see ../sanitize.sh. It holds to the rules of hnsw.h and checks what it gets.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../flat.h"
#include "../hnsw.h"
#include "../index.h"

namespace {

constexpr size_t dim = 19;  // a tail in every kernel
constexpr size_t threads = 4;
constexpr int32_t nobody = 0;  // waits

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);  \
      exit(1);                                                                  \
    }                                                                           \
  } while (false)

struct status : hnsw_status {
  void ok() const {
    if (code == HNSW_OK) return;
    fprintf(stderr, "failed with code %d: %s\n", code, msg);
    exit(1);
  }
};

void together(const std::function<void(size_t)> &work) {
  std::vector<std::thread> crew;
  for (size_t t = 0; t < threads; t++) crew.emplace_back(work, t);
  for (std::thread &t : crew) t.join();
}

std::vector<float> random_vectors(size_t n, unsigned seed) {
  std::mt19937 r(seed);
  std::normal_distribution<float> gauss;
  std::vector<float> v(n * dim);
  for (float &x : v) x = gauss(r);
  return v;
}

std::vector<uint64_t> sequence(uint64_t first, size_t n) {
  std::vector<uint64_t> labels(n);
  std::iota(labels.begin(), labels.end(), first);
  return labels;
}

void add(hnsw_index *ix, const std::vector<float> &v, const std::vector<uint64_t> &labels) {
  status st;
  hnsw_index_begin(ix, v.data(), labels.data(), labels.size(), &st);
  st.ok();
  together([&](size_t) {
    status mine;
    hnsw_index_insert(ix, v.data(), labels.size(), 0, &nobody, &mine);
    mine.ok();
  });
  CHECK(hnsw_index_end(ix, &st) == labels.size());
  st.ok();
  hnsw_index_verify(ix, &st);
  st.ok();
}

// Queries, filters, items, counts and a writer, all at once.
void read(const hnsw_index *ix, const std::vector<float> &queries) {
  hnsw_stats s;
  hnsw_index_stat(ix, &s);
  together([&](size_t t) {
    status st;
    const size_t n = queries.size() / dim, k = 7;
    std::vector<hnsw_neighbor> out(n * k);
    std::vector<uint32_t> counts(n);
    hnsw_index_search(ix, queries.data(), n, k, 10 + 20 * t, t % 2 ? HNSW_OWN : HNSW_UPSTREAM, nullptr, 0, out.data(), counts.data(), &st);
    st.ok();
    for (uint32_t c : counts) CHECK(c == std::min(k, s.live));

    std::vector<uint64_t> labels(s.live), bits(s.slots / 64 + 1);
    CHECK(hnsw_index_labels(ix, labels.data(), labels.size(), &st) == s.live);
    std::vector<uint64_t> some;
    for (size_t i = 0; i < labels.size(); i += t + 2) some.push_back(labels[i]);
    for (int32_t form : {HNSW_ALLOW_LIST, HNSW_DENY_LIST}) {
      const size_t matches = hnsw_index_match(ix, some.data(), some.size(), 0, form, bits.data());
      CHECK(matches == (form == HNSW_ALLOW_LIST ? some.size() : s.live - some.size()));
      hnsw_index_search(ix, queries.data(), n, k, 10, HNSW_OWN, bits.data(), matches, out.data(), counts.data(), &st);
      st.ok();
      for (uint32_t c : counts) CHECK(c == std::min(k, matches));
      // Told that there are more than there are, it walks first.
      hnsw_index_search(ix, queries.data(), n, 1, 10, HNSW_UPSTREAM, bits.data(), s.slots, out.data(), counts.data(), &st);
      st.ok();
    }
    for (size_t ef : {0, 20}) {
      hnsw_index_within(ix, queries.data(), 12.0f, ef, nullptr, 0, out.data(), out.size(), &st);
      st.ok();
    }
    std::vector<float> items(some.size() * dim);
    hnsw_index_items(ix, some.data(), some.size(), items.data(), &st);
    st.ok();
    size_t levels[8], degrees[64];
    hnsw_index_survey(ix, levels, 8, degrees, 64, &st);
    st.ok();
    CHECK(std::accumulate(levels, levels + 8, size_t{0}) == s.slots);
  });
}

std::string saved(const hnsw_index *ix) {
  status st;
  hnsw_writer *w = hnsw_writer_new(ix, 0, &st);
  st.ok();
  std::string file;
  char buf[777];
  while (const size_t n = hnsw_writer_read(w, buf, sizeof buf, &st)) file.append(buf, n);
  hnsw_writer_free(w);
  CHECK(file.size() == hnsw_index_file_bytes(ix));
  return file;
}

hnsw_index *load(const std::string &file, int32_t space, status &st) {
  const hnsw_config cfg{space, 0, dim, 2, 1, 1, 1};
  hnsw_loader *l = hnsw_loader_new(&cfg, file.size(), &st);
  if (!l) return nullptr;
  hnsw_index *ix = nullptr;
  size_t max_elements;
  for (size_t at = 0; st.code == HNSW_OK && at < file.size(); at += 1000) {
    hnsw_loader_feed(l, file.data() + at, std::min<size_t>(1000, file.size() - at), &st);
  }
  if (st.code == HNSW_OK) ix = hnsw_loader_finish(l, &max_elements, &st);
  hnsw_loader_free(l);
  return ix;
}

void life_of_an_index(int32_t space) {
  status st;
  const size_t n = 400;
  const hnsw_config cfg{space, 0, dim, 5, 30, 100, 2};
  hnsw_index *ix = hnsw_index_new(&cfg, &st);
  st.ok();
  const std::vector<float> queries = random_vectors(10, 9);
  read(ix, queries);
  for (unsigned round = 0; round < 3; round++) {
    hnsw_index_reserve(ix, (round + 1) * n, &st);
    st.ok();
    add(ix, random_vectors(n, round), sequence(round * n / 2, n));  // half of them replace
    const std::vector<uint64_t> gone = sequence(round * n / 2, n / 8);
    hnsw_index_mark(ix, gone.data(), gone.size(), 1, &st);
    st.ok();
    read(ix, queries);
  }
  hnsw_index_forget(ix, 10, &st);
  hnsw_index_verify(ix, &st);
  st.ok();
  const uint64_t unknown = 1 << 30;
  hnsw_index_mark(ix, &unknown, 1, 1, &st);
  CHECK(st.code == HNSW_NOT_FOUND);
  float nan[dim] = {NAN};
  hnsw_index_begin(ix, nan, &unknown, 1, &st);
  CHECK(st.code == HNSW_NOT_FINITE);

  hnsw_index *fresh = hnsw_index_compact(ix, 1, &st);
  st.ok();
  together([&](size_t) {  // with queries beside
    status mine;
    hnsw_index_insert(fresh, nullptr, SIZE_MAX, 0, &nobody, &mine);
    mine.ok();
    std::vector<hnsw_neighbor> out(5);
    uint32_t count;
    hnsw_index_search(ix, queries.data(), 1, 5, 50, HNSW_OWN, nullptr, 0, out.data(), &count, &mine);
    mine.ok();
  });
  hnsw_index_end(fresh, &st);
  st.ok();
  hnsw_index_verify(fresh, &st);
  st.ok();
  read(fresh, queries);
  hnsw_index_free(fresh);

  std::vector<std::string> files(threads);
  together([&](size_t t) { files[t] = saved(ix); });
  for (const std::string &f : files) CHECK(f == files[0]);
  together([&](size_t t) {  // each loads it, and what is left of it after damage
    status mine;
    hnsw_index *again = load(files[t], space, mine);
    mine.ok();
    CHECK(saved(again) == files[t]);
    hnsw_index_free(again);
    std::mt19937 r(static_cast<unsigned>(t));
    for (int i = 0; i < 60; i++) {
      std::string damaged = files[t];
      if (i % 4 == 0) {
        damaged.resize(r() % damaged.size());
      } else {
        damaged[i % 4 == 1 ? r() % 96 : r() % damaged.size()] ^= static_cast<char>(1 << r() % 8);
      }
      hnsw_index *got = load(damaged, space, mine);
      if (!got) {
        CHECK(mine.code == HNSW_CORRUPT || mine.code == HNSW_DIMENSION);
        continue;
      }
      std::vector<hnsw_neighbor> out(5);
      uint32_t count;
      hnsw_index_search(got, queries.data(), 1, 5, 50, HNSW_OWN, nullptr, 0, out.data(), &count, &mine);
      mine.ok();
      hnsw_index_free(got);
    }
  });
  hnsw_index_free(ix);
}

// The graph of one thread is upstream's own: levels, entry point and links.
void one_thread_builds_upstreams_graph() {
  const size_t n = 500;
  const hnsw_config cfg{HNSW_L2, 0, dim, 6, 40, 7, n};
  const std::vector<float> v = random_vectors(n, 11);
  hnsw_index ours(cfg);
  const int32_t somebody = 1;
  for (size_t at = 0; at < n;) {
    ours.begin(v.data() + at * dim, sequence(1000 + at, n - at).data(), n - at);
    ours.insert(v.data() + at * dim, 40, 40, &nobody);
    ours.insert(v.data() + at * dim, SIZE_MAX, 70, &somebody);  // the rest has to wait
    const size_t in = ours.end();
    CHECK(in == std::min<size_t>(70, n - at));
    at += in;
  }
  minnow::space metric(HNSW_L2, dim);
  minnow::graph theirs(&metric, n, cfg.m, cfg.ef_construction, cfg.seed);
  for (size_t i = 0; i < n; i++) theirs.addPoint(v.data() + i * dim, 1000 + i);
  CHECK(ours.g->enterpoint_node_ == theirs.enterpoint_node_ && ours.g->maxlevel_ == theirs.maxlevel_);
  for (minnow::slot_id s = 0; s < n; s++) {
    CHECK(ours.labels[s] == theirs.getExternalLabel(s));
    CHECK(ours.g->element_levels_[s] == theirs.element_levels_[s]);
    for (int level = 0; level <= theirs.element_levels_[s]; level++) {
      const auto *a = ours.g->get_linklist_at_level(s, level), *b = theirs.get_linklist_at_level(s, level);
      CHECK(memcmp(a, b, sizeof *a * (1 + *b)) == 0);
    }
  }
}

void life_of_a_flat_index(int32_t space) {
  status st;
  const size_t n = 300;
  const hnsw_config cfg{space, 0, dim, 0, 0, 0, n};
  hnsw_flat *ix = hnsw_flat_new(&cfg, &st);
  st.ok();
  const std::vector<float> v = random_vectors(n, 4), queries = random_vectors(5, 5);
  hnsw_flat_add(ix, v.data(), sequence(0, n).data(), n, &st);
  st.ok();
  const std::vector<uint64_t> gone = sequence(n - 50, 50);
  hnsw_flat_delete(ix, gone.data(), gone.size(), &st);
  st.ok();
  together([&](size_t) {
    status mine;
    std::vector<hnsw_neighbor> out(5 * 400);
    std::vector<uint32_t> counts(5);
    hnsw_flat_search(ix, queries.data(), 5, 400, nullptr, 0, out.data(), counts.data(), &mine);
    mine.ok();
    for (uint32_t c : counts) CHECK(c == n - 50);
    std::vector<uint64_t> bits(n / 64 + 1);
    const std::vector<uint64_t> some = sequence(n - 60, 60);
    const size_t matches = hnsw_flat_match(ix, some.data(), some.size(), 0, HNSW_ALLOW_LIST, bits.data());
    CHECK(matches == 10);
    hnsw_flat_search(ix, queries.data(), 5, 400, bits.data(), matches, out.data(), counts.data(), &mine);
    mine.ok();
    for (uint32_t c : counts) CHECK(c == 10);
  });
  std::vector<char> rows((n - 50) * (dim * sizeof(float) + sizeof(uint64_t)));
  hnsw_flat_rows(ix, 0, n - 50, rows.data());
  hnsw_flat *again = hnsw_flat_new(&cfg, &st);
  hnsw_flat_restore(again, rows.data(), n - 50, &st);
  st.ok();
  hnsw_flat_restore(again, rows.data(), 1, &st);
  CHECK(st.code == HNSW_CORRUPT);
  hnsw_flat_free(again);
  hnsw_flat_free(ix);
}

}  // namespace

int main() {
  one_thread_builds_upstreams_graph();
  for (int32_t space : {HNSW_L2, HNSW_IP, HNSW_COSINE}) {
    life_of_an_index(space);
    life_of_a_flat_index(space);
  }
  puts("driver: ok");
}
