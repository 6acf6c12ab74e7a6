// Every instruction set that this processor has computes the same bits, on one thread or several, alone or in a batch: and
// those which every other processor computes, as written here. Run under sanitizers by csrc/sanitize.sh, and for arm64 by
// csrc/test/arm64.sh.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "../encoder.h"

namespace {

// Numbers that are the same everywhere.
struct draw {
  uint64_t state;

  uint32_t operator()(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((state >> 33) % below);
  }
  // A number of -1..1, in steps that a float holds.
  float real() { return static_cast<float>(static_cast<int32_t>((*this)(2049)) - 1024) / 1024; }
};

[[noreturn]] void fail(const char *what) {
  fprintf(stderr, "encoder: %s\n", what);
  exit(1);
}

struct freed {
  void operator()(encoder *e) const { encoder_free(e); }
};
using network = std::unique_ptr<encoder, freed>;

network make(const encoder_shape &s, bool fine, draw &random) {
  network e(encoder_new(&s));
  for (int32_t t = 0; t < ENCODER_TABLES; t++) {
    size_t n;
    float *values = encoder_table(e.get(), t, &n);
    for (size_t i = 0; i < n; i++) values[i] = random.real() / (t == ENCODER_POOLER_WEIGHT ? 4 : 1);
  }
  for (size_t layer = 0; layer < s.layers; layer++) {
    for (int32_t part = 0; part < ENCODER_DENSE; part++) {
      const size_t inputs = part == ENCODER_OUTER ? s.inner : s.hidden, outputs = part == ENCODER_INNER ? s.inner : s.hidden;
      std::vector<int8_t> codes(inputs * outputs);
      for (size_t i = 0; i < codes.size(); i++) {
        const int32_t above = i / outputs % 2 ? codes[i - outputs] : 0;  // with which it adds up to 128 at most
        int32_t code = static_cast<int32_t>(random(255)) - 127;
        if (code + above > 128) code = 128 - above;
        if (code + above < -128) code = -128 - above;
        codes[i] = static_cast<int8_t>(code);
      }
      std::vector<float> scales(outputs), bias(outputs), inverse(inputs);
      for (float &v : scales) v = (1.5f + random.real()) / 2048;
      for (float &v : bias) v = random.real() / 4;
      for (float &v : inverse) v = 1.5f + random.real();
      const encoder_dense d{codes.data(),
                            scales.data(),
                            bias.data(),
                            part == ENCODER_INNER ? inverse.data() : nullptr,
                            part == ENCODER_OUTER ? 0.015625f : 0.03125f,
                            static_cast<uint8_t>(part == ENCODER_OUTER ? 11 : 127),
                            fine && part == ENCODER_OUTER ? 0.015625f / 255 : 0};
      encoder_set(e.get(), layer, part, &d);
    }
  }
  return e;
}

std::vector<float> run(const encoder *e, const encoder_shape &s, const std::vector<std::vector<uint32_t>> &texts, size_t threads) {
  std::vector<uint32_t> ids, starts{0};
  size_t longest = 0;
  for (const auto &text : texts) {
    ids.insert(ids.end(), text.begin(), text.end());
    starts.push_back(static_cast<uint32_t>(ids.size()));
    longest = std::max(longest, text.size());
  }
  std::vector<float> out((ids.size() + texts.size()) * s.hidden);
  // Exactly as much as is asked for, so that a sanitizer sees what is beyond.
  const size_t bytes = encoder_scratch(e, ids.size(), longest, threads);
  std::unique_ptr<char[]> scratch(new char[bytes]);
  memset(scratch.get(), 0xFF, bytes);
  memset(scratch.get(), 0, 16);
  std::vector<std::thread> crew;
  for (size_t t = 0; t < threads; t++) {
    crew.emplace_back([&, t] {
      encoder_run(e, ids.data(), starts.data(), texts.size(), scratch.get(), t, threads, out.data(), out.data() + ids.size() * s.hidden);
    });
  }
  for (auto &t : crew) t.join();
  return out;
}

uint64_t hash(const std::vector<float> &values) {
  uint64_t h = 14695981039346656037u;  // FNV-1a
  for (float v : values) {
    if (!(v > -1e6f && v < 1e6f)) fail("a number that is none");
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    for (int i = 0; i < 4; i++) h = (h ^ (bits >> 8 * i & 255)) * 1099511628211u;
  }
  return h;
}

struct trial {
  encoder_shape shape;
  bool fine;
  uint64_t want;
};

// Heads of one vector, two, three and four; layers that fill panels or do not; every way to count positions.
const trial trials[] = {
    {{2, 64, 2, 256, 50, 40, 0, -1, 1e-12f}, false, 0x372fed17847cb3c9},
    {{3, 32, 2, 80, 50, 40, 0, -1, 1e-12f}, true, 0xdbb661d16e98cec},
    {{1, 96, 2, 48, 50, 40, 38, 1, 1e-5f}, true, 0x8740c56d10efb131},
    {{2, 128, 2, 512, 50, 40, 0, 1, 1e-12f}, false, 0x49645bea5cb183cb},
};

}  // namespace

int main() {
  bool seen[16] = {};
  for (const trial &t : trials) {
    draw random{7};
    const network e = make(t.shape, t.fine, random);
    std::vector<std::vector<uint32_t>> texts;
    for (size_t length : {1, 18, 16, 5, 33, 2, 31}) {
      texts.emplace_back();
      for (size_t i = 0; i < length; i++) texts.back().push_back(random(t.shape.vocabulary));
    }
    for (size_t set = 0; set < encoder_set_count(); set++) {
      if (!encoder_set_usable(set)) continue;
      seen[set] = true;
      encoder_use(e.get(), set);
      const std::vector<float> together = run(e.get(), t.shape, texts, 1);
      if (const uint64_t got = hash(together); got != t.want) {
        fprintf(stderr, "%s: %#llx, want %#llx\n", encoder_set_name(set), static_cast<unsigned long long>(got),
                static_cast<unsigned long long>(t.want));
        fail("numbers that other processors do not compute");
      }
      for (size_t threads : {2, 3, 7}) {
        if (hash(run(e.get(), t.shape, texts, threads)) != t.want) fail("threads change the numbers");
      }
      size_t at = 0, all = 0;
      for (const auto &text : texts) all += text.size() * t.shape.hidden;
      for (size_t i = 0; i < texts.size(); i++) {
        const std::vector<float> alone = run(e.get(), t.shape, {texts[i]}, 1);
        const size_t n = texts[i].size() * t.shape.hidden;
        if (memcmp(alone.data(), together.data() + at, n * sizeof(float)) != 0 ||
            memcmp(alone.data() + n, together.data() + all + i * t.shape.hidden, t.shape.hidden * sizeof(float)) != 0) {
          fail("a text's numbers depend on the others");
        }
        at += n;
      }
    }
  }
  for (size_t set = 0; set < encoder_set_count(); set++) {
    printf("%s: %s\n", encoder_set_name(set), seen[set] ? "ok" : "not on this processor");
  }
}
