// A BERT-like encoder whose dense layers are int8, from token ids to a vector a
// token. C, for cgo. All pointers are the caller's and used during the call alone.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct encoder encoder;

typedef struct encoder_shape {
  size_t layers, hidden, heads, inner;  // hidden, hidden/heads and inner are multiples of 16
  size_t vocabulary, positions;         // rows of the tables
  size_t reach;                         // of the relative bias: distances are -(reach-1)..reach-1; 0 if there is none
  int64_t padding;  // the id by which positions are counted, as RoBERTa does: from padding+1, and padding for the id itself; -1: from 0
  float epsilon;    // of the layer normalizations
} encoder_shape;

// The dense layers of one encoder layer. The first three have one input.
enum { ENCODER_QUERY, ENCODER_KEY, ENCODER_VALUE, ENCODER_OUT, ENCODER_INNER, ENCODER_OUTER, ENCODER_DENSE };

// y = (told - zero)·codes · step · scales + bias, where told = round(x / smooth / step) + zero, in 0..255.
typedef struct encoder_dense {
  const int8_t *codes;  // [inputs, outputs], in -127..127, and two below each other add up to -128..128
  const float *scales, *bias;  // [outputs]
  const float *inverse_smooth;  // 1/smooth, [inputs], or NULL for ones
  float step;
  uint8_t zero;
  float fine;  // the step of a second term, which tells what the first leaves, with zero 128; 0: there is none
} encoder_dense;

// Tables in float32.
enum {
  ENCODER_WORDS,        // [vocabulary, hidden]
  ENCODER_POSITIONS,    // [positions, hidden]
  ENCODER_SEGMENT,      // [hidden]: that of the first text; zeros if it is never filled
  ENCODER_NORM_WEIGHT,  // [1 + 2·layers, hidden]: behind the embeddings, and behind out and outer of each layer
  ENCODER_NORM_BIAS,
  ENCODER_RELATIVE,  // [heads, 2·reach-1]
  ENCODER_POOLER_WEIGHT,  // [outputs hidden, inputs hidden]
  ENCODER_POOLER_BIAS,
  ENCODER_TABLES
};

// NULL where memory is short.
encoder *encoder_new(const encoder_shape *shape);
void encoder_free(encoder *e);

// The memory of a table, of *n floats, for the caller to fill.
float *encoder_table(encoder *e, int32_t table, size_t *n);

// Copies one dense layer, into the order that the kernels read.
void encoder_set(encoder *e, size_t layer, int32_t which, const encoder_dense *dense);

// How many bytes a run needs of so many tokens in all, the longest text having so many, on so many threads.
size_t encoder_scratch(const encoder *e, size_t tokens, size_t longest, size_t threads);

// Reads texts without padding: text t has ids[starts[t]] to ids[starts[t+1]-1], ids below vocabulary, texts of 1 to positions
// tokens (with padding >= 0, positions-padding-1). Writes tokens, [starts[texts], hidden], and, unless it is NULL, pooled, [texts,
// hidden]: tanh(pooler·first token). A text's numbers do not depend on the others', nor on threads.
//
// The run is done by threads calls, with thread 0, 1, …, of which each returns when all is done, whether the others have come
// or not: so the memory must last until all have returned. The first 16 bytes of scratch, which is on a multiple of 8, are zero before.
void encoder_run(const encoder *e, const uint32_t *ids, const uint32_t *starts, size_t texts, void *scratch, size_t thread,
                 size_t threads, float *tokens, float *pooled);

// Instruction sets of this architecture, best first; the last is usable anywhere.
size_t encoder_set_count(void);
const char *encoder_set_name(size_t i);
int32_t encoder_set_usable(size_t i);
// The one in use: the first usable one, or that which MINNOW_KERNEL names in the environment if it is usable.
size_t encoder_set_best(void);
// For tests: e goes on with this one.
void encoder_use(encoder *e, size_t i);

#ifdef __cplusplus
}
#endif
