// Measures where looking at each allowed vector becomes dearer than the walk
// through the graph: the numbers at scan_pays in search.cc. Run it by
//
//	csrc/test/switch.sh [FILE [N [BITS]]]
//
// FILE is a NumPy array of float32 with 384 columns, C order; without one, the
// vectors are random around random centres. BITS are those of the codes that the
// walk goes by, 8 or 4; without them it goes by vectors.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>

#include "../index.h"

using clock_type = std::chrono::steady_clock;

namespace {

std::vector<float> load(const char *path, size_t dim, size_t most) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(128);  // NumPy's header, as long as the shape is short
  std::vector<float> v(most * dim);
  in.read(reinterpret_cast<char *>(v.data()), static_cast<std::streamsize>(v.size() * sizeof(float)));
  v.resize(static_cast<size_t>(in.gcount()) / sizeof(float) / dim * dim);
  return v;
}

std::vector<float> clustered(size_t n, size_t dim) {
  std::mt19937 r(1);
  std::normal_distribution<float> gauss;
  std::vector<float> centres((n / 20 + 1) * dim), v(n * dim);
  for (float &x : centres) x = gauss(r);
  for (size_t i = 0; i < n; i++) {
    const size_t c = r() % (n / 20 + 1);
    for (size_t j = 0; j < dim; j++) v[i * dim + j] = centres[c * dim + j] + 0.5f * gauss(r);
  }
  return v;
}

double seconds(const hnsw_index &ix, const float *queries, size_t n, size_t k, size_t ef,
               const std::vector<uint64_t> &allowed, size_t matches) {
  std::vector<hnsw_neighbor> out(n * k);
  std::vector<uint32_t> counts(n);
  double best = 1e9;
  for (int round = 0; round < 3; round++) {
    const auto begin = clock_type::now();
    ix.search(queries, n, {k, ef, 0, 0, 0, HNSW_OWN, allowed.data(), matches}, out.data(), counts.data());
    best = std::min(best, std::chrono::duration<double>(clock_type::now() - begin).count());
  }
  return best / static_cast<double>(n);
}

}  // namespace

int main(int argc, char **argv) {
  const size_t dim = 384, k = 10, asked = 60;
  const size_t most = argc > 2 ? std::stoul(argv[2]) : 50000;
  const int32_t bits = argc > 3 ? std::stoi(argv[3]) : 0;
  const std::vector<float> v = argc > 1 && *argv[1] ? load(argv[1], dim, most) : clustered(most, dim);
  const size_t n = v.size() / dim - asked;
  const float *queries = v.data() + n * dim;
  hnsw_index ix({HNSW_IP, bits, dim, 16, 100, 100, n, HNSW_OWN, 0});
  std::vector<uint64_t> labels(n);
  std::iota(labels.begin(), labels.end(), 0);
  const int32_t nobody = 0;
  for (size_t in = 0; in < n;) {
    const float *rest = v.data() + in * dim;
    ix.begin(rest, labels.data() + in, n - in);
    ix.insert(rest, SIZE_MAX, 0, &nobody);
    in += ix.end();
  }
  printf("%zu vectors of %zu\n%-8s %5s %8s %9s %9s %6s\n", n, dim, "filter", "ef", "matches", "scan µs", "walk µs",
         "c");
  std::mt19937 r(2);
  for (const char *kind : {"random", "nearby"}) {
    for (size_t ef : {10, 40, 160}) {
      for (double share = 0.002; share < 0.8; share *= 1.6) {
        const size_t matches = static_cast<size_t>(share * static_cast<double>(n));
        if (matches <= ef) continue;
        // A random share, or a range of labels: alike where neighbours in the
        // file are, as in a dictionary.
        std::vector<uint64_t> allowed(minnow::words_for(n));
        size_t set = 0;
        for (size_t i = 0; i < n; i++) {
          const bool in = *kind == 'r' ? r() % 100000 < share * 100000 : i < matches;
          allowed[i / 64] |= uint64_t{in} << (i % 64);
          set += in;
        }
        // The number of matches decides: we say few to have it scan, many to have it walk.
        const double scan = seconds(ix, queries, asked, k, ef, allowed, k);
        const double walk = seconds(ix, queries, asked, k, ef, allowed, n);
        const double c = double(set) * double(set) / (double(ef) * double(n));
        printf("%-8s %5zu %8zu %9.1f %9.1f %6.2f%s\n", kind, ef, set, scan * 1e6, walk * 1e6, c,
               scan < walk ? "  scan" : "");
      }
    }
  }
}
