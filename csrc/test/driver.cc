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

size_t dim = 19;  // a tail in every kernel
constexpr size_t threads = 4;
constexpr int32_t nobody = 0;  // waits

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);  \
      exit(1);                                                                  \
    }                                                                           \
  } while (false)

// One kind of index.
struct kind {
  int32_t space, engine, bits;

  hnsw_config config(size_t m, size_t ef_construction, uint64_t seed, size_t slots) const {
    return {space, bits, dim, m, ef_construction, seed, slots, engine, 0};
  }
};

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
  for (size_t at = 0; at < labels.size();) {
    const float *rest = v.data() + at * dim;
    hnsw_index_begin(ix, rest, labels.data() + at, labels.size() - at, &st);
    st.ok();
    together([&](size_t) {
      status mine;
      hnsw_index_insert(ix, rest, SIZE_MAX, 0, &nobody, &mine);
      mine.ok();
    });
    const size_t in = hnsw_index_end(ix, &st);  // all, but where codes have a look first
    st.ok();
    CHECK(in == labels.size() - at || (in > 0 && ix->codes.width() && ix->slots() % 256 == 0));
    at += in;
  }
  hnsw_index_verify(ix, &st);
  st.ok();
}

// Recall of the walks that end by slack, from loose to as good as never.
void calibrate(const hnsw_index *ix, size_t t) {
  status st;
  uint32_t own[24];
  const size_t n = hnsw_index_sample(ix, 24, t, own, &st), k = 5;
  st.ok();
  CHECK(n == 24);
  const float slacks[] = {0.01f, 0.3f, 1e6f}, longest = hnsw_index_longest(ix);
  CHECK(longest > 0);
  for (const uint32_t *other : {own, own + n / 2}) {
    size_t found[3] = {};
    hnsw_index_calibrate(ix, own, other, n / 2, k, 60, slacks, 3, longest, found, &st);
    st.ok();
    CHECK(found[0] <= n / 2 * k && found[2] <= n / 2 * k && found[2] >= found[0]);
    CHECK(10 * found[2] >= 8 * n / 2 * k);
  }
  const uint32_t nothing = UINT32_MAX;
  size_t found;
  hnsw_index_calibrate(ix, &nothing, own, 1, k, 10, slacks, 1, longest, &found, &st);
  CHECK(st.code == HNSW_CONFIG);
}

// Queries, filters, items, counts, calibration and a writer, all at once.
void read(const hnsw_index *ix, const std::vector<float> &queries) {
  hnsw_stats s;
  hnsw_index_stat(ix, &s);
  together([&](size_t t) {
    status st;
    const size_t n = queries.size() / dim, k = 7;
    std::vector<hnsw_neighbor> out(n * k);
    std::vector<uint32_t> counts(n);
    const auto check_counts = [&](size_t most) {
      st.ok();
      for (uint32_t c : counts) CHECK(c == std::min(k, most));
    };
    hnsw_index_search(ix, queries.data(), n, k, 10 + 20 * t, 0, 0, 0, t % 2 ? HNSW_OWN : HNSW_UPSTREAM, nullptr, 0,
                      out.data(), counts.data(), &st);
    check_counts(s.live);
    hnsw_index_search(ix, queries.data(), n, k, 100, 0.2f, k + t, hnsw_index_longest(ix), HNSW_OWN, nullptr, 0, out.data(),
                      counts.data(), &st);
    check_counts(s.live);
    if (s.live > 0) calibrate(ix, t);

    std::vector<uint64_t> labels(s.live), bits(s.slots / 64 + 1);
    CHECK(hnsw_index_labels(ix, labels.data(), labels.size(), &st) == s.live);
    std::vector<uint64_t> some;
    for (size_t i = 0; i < labels.size(); i += t + 2) some.push_back(labels[i]);
    for (int32_t form : {HNSW_ALLOW_LIST, HNSW_DENY_LIST}) {
      const size_t matches = hnsw_index_match(ix, some.data(), some.size(), 0, form, bits.data());
      CHECK(matches == (form == HNSW_ALLOW_LIST ? some.size() : s.live - some.size()));
      hnsw_index_search(ix, queries.data(), n, k, 10, 0, 0, 0, HNSW_OWN, bits.data(), matches, out.data(), counts.data(),
                        &st);
      check_counts(matches);
      // Told that there are more than there are, it walks first.
      for (int32_t engine : {HNSW_OWN, HNSW_UPSTREAM}) {
        hnsw_index_search(ix, queries.data(), n, 1, 10, 0, 0, 0, engine, bits.data(), s.slots, out.data(), counts.data(),
                          &st);
        st.ok();
      }
    }
    for (size_t ef : {0, 20}) {
      hnsw_index_within(ix, queries.data(), ix->cfg.space == HNSW_L2 ? 12.0f : 0.5f, ef, nullptr, 0, out.data(),
                        out.size(), &st);
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

hnsw_index *load(const std::string &file, const kind &of, status &st) {
  const hnsw_config cfg = of.config(2, 1, 1, 1);
  hnsw_loader *l = hnsw_loader_new(&cfg, nullptr, 0, file.size(), &st);
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

void search_one(const hnsw_index *ix, const float *query, status &st) {
  std::vector<hnsw_neighbor> out(5);
  uint32_t count;
  hnsw_index_search(ix, query, 1, 5, 50, 0, 0, 0, HNSW_OWN, nullptr, 0, out.data(), &count, &st);
  st.ok();
}

void life_of_an_index(const kind &of) {
  status st;
  const size_t n = 400;  // so that codes are learned of 256 slots and of 1024, and used between and after
  const hnsw_config cfg = of.config(5, 30, 100, 2);
  hnsw_index *ix = hnsw_index_new(&cfg, nullptr, 0, &st);
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
    CHECK(ix->codes.ready() == (of.bits != 0));
    read(ix, queries);
  }
  hnsw_index_forget(ix, 10, &st);
  hnsw_index_verify(ix, &st);
  st.ok();
  const uint64_t unknown = 1 << 30;
  hnsw_index_mark(ix, &unknown, 1, 1, &st);
  CHECK(st.code == HNSW_NOT_FOUND);
  const std::vector<float> nan(dim, NAN);
  hnsw_index_begin(ix, nan.data(), &unknown, 1, &st);
  CHECK(st.code == HNSW_NOT_FINITE);

  hnsw_index *fresh = hnsw_index_compact(ix, 1, &st);
  st.ok();
  together([&](size_t) {  // with queries beside
    status mine;
    hnsw_index_insert(fresh, nullptr, SIZE_MAX, 0, &nobody, &mine);
    mine.ok();
    search_one(ix, queries.data(), mine);
  });
  hnsw_index_end(fresh, &st);
  st.ok();
  hnsw_index_verify(fresh, &st);
  st.ok();
  read(fresh, queries);
  hnsw_index_free(fresh);

  fresh = hnsw_index_compact(ix, 0, &st);  // and breaks off
  st.ok();
  hnsw_index_insert(fresh, nullptr, n / 2, 0, &nobody, &st);
  st.ok();
  hnsw_index_free(fresh);

  std::vector<std::string> files(threads);
  together([&](size_t t) { files[t] = saved(ix); });
  for (const std::string &f : files) CHECK(f == files[0]);
  together([&](size_t t) {  // each loads it, and what is left of it after damage
    status mine;
    hnsw_index *again = load(files[t], of, mine);
    mine.ok();
    CHECK(saved(again) == files[t]);
    search_one(again, queries.data(), mine);
    hnsw_index_free(again);
    std::mt19937 r(static_cast<unsigned>(t));
    for (int i = 0; i < 12; i++) {
      std::string damaged = files[t];
      if (i % 4 == 0) {
        damaged.resize(r() % damaged.size());
      } else {
        damaged[i % 4 == 1 ? r() % 96 : r() % damaged.size()] ^= static_cast<char>(1 << r() % 8);
      }
      hnsw_index *got = load(damaged, of, mine);
      if (!got) {
        CHECK(mine.code == HNSW_CORRUPT || mine.code == HNSW_DIMENSION);
        continue;
      }
      search_one(got, queries.data(), mine);
      hnsw_index_free(got);
    }
  });
  hnsw_index_free(ix);
}

// Upstream's metric, over vectors in its rows, by our kernel: so the same to the bit.
struct plain_space final : hnswlib::SpaceInterface<float> {
  minnow::distance_fn distance;

  explicit plain_space(int32_t space) : distance(minnow::distance_in(space)) {}
  size_t get_data_size() override { return dim * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void *get_dist_func_param() override { return &dim; }
};

void same_graph(const minnow::graph &a, const minnow::graph &b) {
  CHECK(a.cur_element_count == b.cur_element_count);
  CHECK(a.enterpoint_node_ == b.enterpoint_node_ && a.maxlevel_ == b.maxlevel_);
  for (minnow::slot_id s = 0; s < b.cur_element_count; s++) {
    CHECK(a.element_levels_[s] == b.element_levels_[s]);
    for (int level = 0; level <= b.element_levels_[s]; level++) {
      const auto *l = a.get_linklist_at_level(s, level), *m = b.get_linklist_at_level(s, level);
      CHECK(memcmp(l, m, sizeof *l * (1 + *m)) == 0);
    }
  }
}

// One thread adds v, in a number of additions that end early where somebody waits.
void add_alone(hnsw_index &ix, const std::vector<float> &v, bool interrupted) {
  const size_t n = v.size() / dim;
  const int32_t somebody = 1;
  for (size_t at = 0; at < n;) {
    const float *rest = v.data() + at * dim;
    ix.begin(rest, sequence(1000 + at, n - at).data(), n - at);
    if (interrupted) {
      ix.insert(rest, 40, 40, &nobody);
      ix.insert(rest, SIZE_MAX, 70, &somebody);  // the rest has to wait
    } else {
      ix.insert(rest, SIZE_MAX, 0, &nobody);
    }
    const size_t in = ix.end();
    if (interrupted && !ix.codes.width()) CHECK(in == std::min<size_t>(70, n - at));
    at += in;
  }
}

// The graph of one thread is upstream's own: levels, entry point and links.
void one_thread_builds_upstreams_graph(const kind &of) {
  const size_t n = 600;
  const hnsw_config cfg = of.config(6, 40, 7, n);
  const std::vector<float> v = random_vectors(n, 11);
  hnsw_index ours(cfg);
  add_alone(ours, v, true);
  plain_space metric(of.space);
  minnow::graph theirs(&metric, n, cfg.m, cfg.ef_construction, cfg.seed);
  for (size_t i = 0; i < n; i++) theirs.addPoint(v.data() + i * dim, 1000 + i);
  same_graph(*ours.g, theirs);
  for (minnow::slot_id s = 0; s < n; s++) CHECK(ours.labels[s] == theirs.getExternalLabel(s));
}

// By codes it is another, and the same however many additions the vectors come in.
void one_thread_builds_one_graph(const kind &of) {
  const size_t n = 1100;
  const std::vector<float> v = random_vectors(n, 12);
  hnsw_index a(of.config(6, 40, 7, n)), b(of.config(6, 40, 7, n));
  add_alone(a, v, true);
  add_alone(b, v, false);
  same_graph(*a.g, *b.g);
}

// Those as far as the last of a full list stay out, whether an answer may contain them or not: of vectors all alike a
// walk ends. Those at a radius, or as far as a rule lets a walk look, come in.
void ties_end_a_walk() {
  const auto keep = [](minnow::slot_id s) { return s != 9; };
  minnow::candidates found;
  found.clear(2);
  CHECK(1 < found.bound());
  for (minnow::slot_id s : {5, 9, 7}) found.add(1, s, keep);
  CHECK(!(1 < found.bound()) && std::nextafter(1.0f, 0.0f) < found.bound());

  minnow::stop rule;
  rule.radius = 1;
  found.clear(1, rule);
  found.add(0, 5, keep);
  CHECK(1 < found.bound() && !(std::nextafter(1.0f, 2.0f) < found.bound()));

  rule = {};
  rule.k = rule.least = 1;
  rule.slack = 0.5f;
  found.clear(8, rule);
  found.add(2, 5, keep);
  CHECK(3 < found.bound() && !(std::nextafter(3.0f, 4.0f) < found.bound()));
}

void life_of_a_flat_index(int32_t space) {
  status st;
  const size_t n = 300;
  const hnsw_config cfg{space, 0, dim, 0, 0, 0, n, 0, 0};
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
  ties_end_a_walk();
  for (int32_t space : {HNSW_L2, HNSW_IP, HNSW_COSINE}) {
    for (int32_t bits : {0, 8, 4}) {
      for (int32_t engine : {HNSW_OWN, HNSW_UPSTREAM}) {
        const kind of{space, engine, bits};
        // Cosine's vectors are scaled first, upstream's own are not.
        if ((engine == HNSW_UPSTREAM || bits == 0) && space != HNSW_COSINE) one_thread_builds_upstreams_graph(of);
        one_thread_builds_one_graph(of);
        life_of_an_index(of);
      }
    }
    life_of_a_flat_index(space);
  }
  dim = 130;  // several lines of codes
  for (int32_t bits : {8, 4}) life_of_an_index({HNSW_L2, HNSW_OWN, bits});
  puts("driver: ok");
}
