#include "encoder.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "set.h"

namespace {

using namespace minnow::encoder;

constexpr size_t line = 64;

constexpr size_t rounded(size_t n, size_t to) { return (n + to - 1) / to * to; }

template <class T>
struct aligned {
  T *p = nullptr;

  explicit aligned(size_t n) : p(static_cast<T *>(std::aligned_alloc(line, rounded(std::max(n, size_t{1}) * sizeof(T), line)))) {
    if (!p) throw std::bad_alloc();
    memset(p, 0, n * sizeof(T));
  }
  aligned(aligned &&other) noexcept : p(std::exchange(other.p, nullptr)) {}
  ~aligned() { std::free(p); }
};

// What several dense layers that have one input are told by.
struct telling {
  std::vector<float> inverse;  // 1/(smooth·step)
  bool fine = false;           // in two terms
  uint8_t zero = 0;

  told how() const { return {inverse.data(), static_cast<float>(zero)}; }
};

// Dense layers side by side, their outputs in panels.
struct product {
  size_t inputs, outputs;
  telling input;
  aligned<int8_t> codes;
  std::vector<int32_t> total;  // the sum of an output's codes
  std::vector<float> scale, fine_scale, bias;

  product(size_t inputs, size_t outputs)
      : inputs(inputs), outputs(outputs), codes(inputs * rounded(outputs, panel_width)) {
    const size_t room = rounded(outputs, panel_width);
    input.inverse.assign(inputs, 1);
    total.assign(room, 0);
    scale.assign(room, 0);
    fine_scale.assign(room, 0);
    bias.assign(room, 0);
  }

  size_t panels() const { return (outputs + panel_width - 1) / panel_width; }

  // Puts a layer of n outputs at the place of output first.
  void set(const encoder_dense &d, size_t first, size_t n) {
    input.fine = d.fine > 0;
    input.zero = d.zero;
    for (size_t i = 0; i < inputs; i++) input.inverse[i] = (d.inverse_smooth ? d.inverse_smooth[i] : 1) / d.step;
    for (size_t j = 0; j < n; j++) {
      const size_t at = first + j;
      int8_t *to = codes.p + at / panel_width * panel_width * inputs + at % panel_width * 4;
      int32_t sum = 0;
      for (size_t i = 0; i < inputs; i++) {
        to[i / 4 * 4 * panel_width + i % 4] = d.codes[i * n + j];
        sum += d.codes[i * n + j];
      }
      total[at] = sum;
      scale[at] = d.step * d.scales[j];
      fine_scale[at] = d.fine * d.scales[j];
      bias[at] = d.bias[j];
    }
  }
};

struct layer {
  product query_key_value, out, inner, outer;

  explicit layer(const encoder_shape &s)
      : query_key_value(s.hidden, 3 * s.hidden), out(s.hidden, s.hidden), inner(s.hidden, s.inner), outer(s.inner, s.hidden) {}
};

// How the threads of a run share its steps: each takes what is to be done next of the step that is under way, and waits for
// others only where nothing is left of it. So one that comes late, or loses its processor, is not waited for by those that can go on.
struct sharing {
  std::atomic<uint64_t> next;  // the step, and below 32 bits what is next of it
  std::atomic<uint32_t> done;  // of the step
};

void pause(size_t spins) {
  if (spins < 4096) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  } else {
    std::this_thread::yield();  // another has lost its processor
  }
}

}  // namespace

struct encoder {
  encoder_shape shape;
  const set *kernels = &set_at(best_set());
  std::vector<layer> layers;
  std::vector<float> tables[ENCODER_TABLES];

  explicit encoder(const encoder_shape &s) : shape(s) {
    for (size_t i = 0; i < s.layers; i++) layers.emplace_back(s);
    const size_t distances = s.reach ? 2 * s.reach - 1 : 0;
    const size_t sizes[] = {s.vocabulary * s.hidden,    s.positions * s.hidden,     s.hidden,
                            (1 + 2 * s.layers) * s.hidden, (1 + 2 * s.layers) * s.hidden, s.heads * distances,
                            s.hidden * s.hidden,        s.hidden};
    // Beyond the last distance a vector of 16 is read, and not used.
    for (size_t i = 0; i < ENCODER_TABLES; i++) tables[i].assign(sizes[i] + (i == ENCODER_RELATIVE ? 16 : 0), 0);
  }

  size_t head_size() const { return shape.hidden / shape.heads; }

  norm norm_of(size_t i) const {
    return {tables[ENCODER_NORM_WEIGHT].data() + i * shape.hidden, tables[ENCODER_NORM_BIAS].data() + i * shape.hidden,
            shape.hidden, shape.epsilon};
  }
};

namespace {

// The memory of one run.
struct rooms {
  sharing *steps;
  float *x;                 // [tokens, hidden]: what the layers hand on
  float *wide;              // [tokens, 3·hidden]: query, key and value; and what dense layers add to x
  float *heads;             // a room of attend for each thread
  uint8_t *codes;           // [tokens, hidden]
  uint8_t *inner, *fine;    // [tokens, inner]
  size_t heads_stride;
  size_t bytes;

  rooms(const encoder &e, size_t tokens, size_t longest, size_t threads, void *scratch) {
    const encoder_shape &s = e.shape;
    heads_stride = rounded(attend_room(longest, e.head_size()), line / sizeof(float));
    size_t at = 0;
    const auto take = [&](size_t n) {
      char *p = reinterpret_cast<char *>(rounded(reinterpret_cast<uintptr_t>(scratch), line)) + at;
      at += rounded(n, line);
      return p;
    };
    steps = reinterpret_cast<sharing *>(scratch);
    take(line);
    x = reinterpret_cast<float *>(take(tokens * s.hidden * sizeof(float)));
    wide = reinterpret_cast<float *>(take(tokens * 3 * s.hidden * sizeof(float)));
    heads = reinterpret_cast<float *>(take(threads * heads_stride * sizeof(float)));
    codes = reinterpret_cast<uint8_t *>(take(tokens * s.hidden));
    inner = reinterpret_cast<uint8_t *>(take(tokens * s.inner));
    fine = reinterpret_cast<uint8_t *>(take(tokens * s.inner));
    bytes = at + line;
  }
};

// Rows that are done at a time: of layer normalizations, and of products, where there are enough for several threads.
constexpr size_t norm_rows = 8, product_rows = 96;

constexpr size_t parts(size_t n, size_t size) { return (n + size - 1) / size; }

// One of the threads of a run.
struct run {
  const encoder &e;
  const uint32_t *ids, *starts;
  size_t texts, thread;
  rooms room;
  size_t tokens = starts[texts];
  uint64_t step = 0;

  // Calls work for some of 0..n-1, n > 0, until others and this one have done all of them.
  template <class F>
  void share(size_t n, F &&work) {
    std::atomic<uint64_t> &next = room.steps->next;
    for (size_t spins = 0;;) {
      uint64_t at = next.load(std::memory_order_acquire);
      if (at >> 32 != step) break;
      const size_t i = at & UINT32_MAX;
      if (i == n) {
        pause(spins++);
        continue;
      }
      if (!next.compare_exchange_weak(at, at + 1, std::memory_order_acq_rel)) continue;
      spins = 0;
      work(i);
      if (room.steps->done.fetch_add(1, std::memory_order_acq_rel) + 1 == n) {
        room.steps->done.store(0, std::memory_order_relaxed);
        next.store((step + 1) << 32, std::memory_order_release);
      }
    }
    step++;
  }

  template <class F>
  void share_rows(F &&work) {
    share(parts(tokens, norm_rows), [&](size_t i) {
      for (size_t t = i * norm_rows; t < std::min(tokens, (i + 1) * norm_rows); t++) work(t);
    });
  }

  void embed() {
    const encoder_shape &s = e.shape;
    const float *segment = e.tables[ENCODER_SEGMENT].data();
    const told next = e.layers[0].query_key_value.input.how();
    share_rows([&](size_t t) {
      const size_t text = static_cast<size_t>(std::upper_bound(starts, starts + texts, t) - starts) - 1;
      const float *word = e.tables[ENCODER_WORDS].data() + ids[t] * s.hidden;
      const float *position = e.tables[ENCODER_POSITIONS].data() + position_of(text, t) * s.hidden;
      float *x = room.x + t * s.hidden;
      for (size_t i = 0; i < s.hidden; i++) x[i] = word[i] + position[i] + segment[i];
      e.kernels->normalize(e.norm_of(0), x, nullptr, x, next, room.codes + t * s.hidden);
    });
  }

  size_t position_of(size_t text, size_t t) const {
    const int64_t padding = e.shape.padding;
    if (padding < 0) return t - starts[text];
    size_t at = static_cast<size_t>(padding);
    if (ids[t] == at) return at;
    for (size_t i = starts[text]; i <= t; i++) at += ids[i] != static_cast<uint32_t>(padding);
    return at;
  }

  // Calls emit with the sums of each tile: those of codes times p, and of fine too, unless it is null.
  template <class F>
  void multiply(const product &p, const uint8_t *codes, const uint8_t *fine, F &&emit) {
    const size_t blocks = parts(tokens, product_rows);
    share(p.panels() * blocks, [&](size_t i) {
      const size_t at = i / blocks * panel_width, from = tokens * (i % blocks) / blocks, to = tokens * (i % blocks + 1) / blocks;
      alignas(line) int32_t acc[tile_rows * panel_width], fine_acc[tile_rows * panel_width];
      // What the zeros of the inputs leave is where sums start.
      int32_t start[panel_width], fine_start[panel_width];
      const int32_t less = e.kernels->less128 ? 128 : 0;
      for (size_t j = 0; j < panel_width; j++) {
        start[j] = (less - p.input.zero) * p.total[at + j];
        fine_start[j] = (less - 128) * p.total[at + j];
      }
      const int8_t *w = p.codes.p + at * p.inputs;
      const size_t tiles = parts(to - from, tile_rows);
      for (size_t tile = 0; tile < tiles; tile++) {
        // Rows are dealt out evenly: five and five are quicker than six and four.
        const size_t row = from + (to - from) * tile / tiles, rows = from + (to - from) * (tile + 1) / tiles - row;
        e.kernels->tile(codes + row * p.inputs, p.inputs, rows, w, p.inputs / 4, start, acc);
        if (fine) e.kernels->tile(fine + row * p.inputs, p.inputs, rows, w, p.inputs / 4, fine_start, fine_acc);
        emit(row, at,
             sums{acc, fine ? fine_acc : nullptr, p.scale.data() + at, p.fine_scale.data() + at, p.bias.data() + at, rows,
                  std::min(panel_width, p.outputs - at)});
      }
    });
  }

  void multiply(const product &p, const uint8_t *codes, const uint8_t *fine, float *out) {
    multiply(p, codes, fine, [&](size_t row, size_t at, const sums &s) {
      e.kernels->floats(s, out + row * p.outputs + at, p.outputs);
    });
  }

  void attend(const product &next) {
    const encoder_shape &s = e.shape;
    const size_t size = e.head_size();
    share(texts * s.heads, [&](size_t i) {
      const size_t head_number = i % s.heads, at = head_number * size, first = starts[i / s.heads];
      const float *query = room.wide + first * 3 * s.hidden + at;
      const float *bias = s.reach ? e.tables[ENCODER_RELATIVE].data() + head_number * (2 * s.reach - 1) + s.reach - 1 : nullptr;
      const head h{query, query + s.hidden, query + 2 * s.hidden, bias, 3 * s.hidden, starts[i / s.heads + 1] - first, size};
      told t = next.input.how();
      t.inverse += at;
      e.kernels->attend(h, room.heads + thread * room.heads_stride, t, room.codes + first * s.hidden + at, s.hidden);
    });
  }

  // Adds what is in wide to x and normalizes it, into x for the next product or, behind the last, into out.
  void add_norm(size_t i, const product *next, float *out) {
    const size_t hidden = e.shape.hidden;
    share_rows([&](size_t t) {
      float *x = room.x + t * hidden;
      const float *y = room.wide + t * hidden;
      if (next) {
        e.kernels->normalize(e.norm_of(i), x, y, x, next->input.how(), room.codes + t * hidden);
      } else {
        e.kernels->normalize(e.norm_of(i), x, y, out + t * hidden, {}, nullptr);
      }
    });
  }

  void all(float *out, float *pooled) {
    const size_t hidden = e.shape.hidden;
    embed();
    for (size_t i = 0; i < e.layers.size(); i++) {
      const layer &l = e.layers[i];
      multiply(l.query_key_value, room.codes, nullptr, room.wide);
      attend(l.out);
      multiply(l.out, room.codes, nullptr, room.wide);
      add_norm(1 + 2 * i, &l.inner, nullptr);
      uint8_t *fine = l.outer.input.fine ? room.fine : nullptr;
      multiply(l.inner, room.codes, nullptr, [&](size_t row, size_t at, const sums &s) {
        told t = l.outer.input.how();
        t.inverse += at;
        const size_t place = row * l.outer.inputs + at;
        e.kernels->gelu(s, t, room.inner + place, fine ? fine + place : nullptr, l.outer.inputs);
      });
      multiply(l.outer, room.inner, fine, room.wide);
      add_norm(2 + 2 * i, i + 1 < e.layers.size() ? &e.layers[i + 1].query_key_value : nullptr, out);
    }
    if (!pooled) return;
    share(texts, [&](size_t t) {
      e.kernels->pool(e.tables[ENCODER_POOLER_WEIGHT].data(), e.tables[ENCODER_POOLER_BIAS].data(), out + starts[t] * hidden, hidden,
                      pooled + t * hidden);
    });
  }
};

}  // namespace

encoder *encoder_new(const encoder_shape *shape) {
  try {
    return new encoder(*shape);
  } catch (const std::exception &) {  // no memory, or no such size
    return nullptr;
  }
}

void encoder_free(encoder *e) { delete e; }

float *encoder_table(encoder *e, int32_t table, size_t *n) {
  std::vector<float> &t = e->tables[table];
  *n = t.size() - (table == ENCODER_RELATIVE ? 16 : 0);
  return t.data();
}

void encoder_set(encoder *e, size_t at, int32_t which, const encoder_dense *dense) {
  layer &l = e->layers[at];
  const size_t hidden = e->shape.hidden;
  switch (which) {
    case ENCODER_QUERY:
    case ENCODER_KEY:
    case ENCODER_VALUE: l.query_key_value.set(*dense, static_cast<size_t>(which) * hidden, hidden); break;
    case ENCODER_OUT: l.out.set(*dense, 0, hidden); break;
    case ENCODER_INNER: l.inner.set(*dense, 0, e->shape.inner); break;
    case ENCODER_OUTER: l.outer.set(*dense, 0, hidden); break;
  }
}

size_t encoder_scratch(const encoder *e, size_t tokens, size_t longest, size_t threads) {
  return rooms(*e, tokens, longest, threads, nullptr).bytes;
}

void encoder_run(const encoder *e, const uint32_t *ids, const uint32_t *starts, size_t texts, void *scratch, size_t thread,
                 size_t threads, float *tokens, float *pooled) {
  size_t longest = 0;
  for (size_t t = 0; t < texts; t++) longest = std::max<size_t>(longest, starts[t + 1] - starts[t]);
  run{*e, ids, starts, texts, thread, rooms(*e, starts[texts], longest, threads, scratch)}.all(tokens, pooled);
}

void encoder_use(encoder *e, size_t i) { e->kernels = &set_at(i); }
