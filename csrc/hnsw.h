/* C interface of minnow's shim over hnswlib 0.8.0 (HierarchicalNSW<float>).
 *
 * Rules that hold for every function:
 *
 *   - A fallible function fills the caller's hnsw_status and leaves its other
 *     outputs alone unless it says otherwise. There is no last error.
 *   - (pointer, length) arguments are borrowed for the call and never kept. A
 *     length of 0 allows a null pointer.
 *   - No exception leaves. Functions that take no status cannot fail.
 *   - "shared" functions may run beside each other on one index; "exclusive"
 *     ones may run beside nothing on that index. The caller holds that rule.
 *
 * Words: a slot is a row of upstream's memory, numbered from 0 in the order of
 * insertion. A label belongs to the caller. Each label has one current slot,
 * live or deleted; a slot whose label has moved on to a newer slot is
 * superseded. Deleted and superseded slots are dead: the graph still walks
 * through them, no answer contains them. A deleted label may be forgotten: its
 * slot stays, dead, and nothing maps to it.
 *
 * A bitmap over slots has slot s at bit s % 64 of word s / 64.
 */
#ifndef MINNOW_HNSW_H
#define MINNOW_HNSW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define HNSW_NOEXCEPT noexcept
extern "C" {
#else
#define HNSW_NOEXCEPT
#endif

/* Codes of hnsw_status. */
#define HNSW_OK 0
#define HNSW_CONFIG 1          /* an argument is out of its range */
#define HNSW_DIMENSION 2       /* a file holds vectors of another dimension */
#define HNSW_NOT_FINITE 3      /* NaN, Inf, or too long for float32 distances */
#define HNSW_ZERO_VECTOR 4     /* cosine needs a direction */
#define HNSW_DUPLICATE_LABEL 5 /* a label occurs twice in one batch */
#define HNSW_NOT_FOUND 6       /* no such label */
#define HNSW_DELETED 7         /* the label is marked deleted */
#define HNSW_FULL 8            /* no free slot: reserve first */
#define HNSW_CORRUPT 9         /* a file contradicts itself */
#define HNSW_NO_MEMORY 10      /* an allocation failed; nothing has changed */
#define HNSW_INTERNAL 11       /* our bug or upstream's */
#define HNSW_NO_SPACE 12       /* no file for vectors: a full disk, a folder that is none */
#define HNSW_DROPPED 13        /* it needs the vectors, which were dropped */

/* Spaces. Distances: squared L2; 1 - dot; 1 - dot of unit vectors. */
#define HNSW_L2 0
#define HNSW_IP 1
#define HNSW_COSINE 2

/* Who links elements, and who walks the graph: our code, or upstream's. */
#define HNSW_OWN 0
#define HNSW_UPSTREAM 1

/* Forms of a set of labels: a list, ascending and without repeats, or a bitmap
 * whose bit i % 64 of word i / 64 stands for label base + i; and whether the
 * set names what answers may contain or what they may not. */
#define HNSW_ALLOW_LIST 0
#define HNSW_DENY_LIST 1
#define HNSW_ALLOW_BITMAP 2
#define HNSW_DENY_BITMAP 3

/* Bounds that hnsw_index_new and hnsw_loader_feed hold to. Upstream numbers
 * slots in int (hnswalg.h L378) and counts links in 16 bits (L940). */
#define HNSW_MIN_M 2
#define HNSW_MAX_M 10000
#define HNSW_MAX_DIM 1048576
#define HNSW_MAX_EF_CONSTRUCTION 1048576
#define HNSW_MAX_SLOTS 2147483647

/* Status of one call. Owned by the caller; code 0 means success and msg is "". */
typedef struct {
  int32_t code;
  char msg[252];
} hnsw_status;

typedef struct {
  int32_t space;
  int32_t code_bits; /* of a component's code: 4 or 8; 0 for no codes */
  size_t dim;
  size_t m;
  size_t ef_construction;
  uint64_t seed;
  size_t slots;    /* room to allocate now, at least 1 */
  int32_t engine;  /* who links: HNSW_OWN or HNSW_UPSTREAM */
  int32_t reserved; /* 0 */
} hnsw_config;

typedef struct {
  size_t slots;   /* rows in use, dead ones included */
  size_t live;    /* labels that answers may contain */
  size_t deleted; /* labels marked deleted, which can be unmarked */
  size_t room;    /* rows allocated */
  size_t m;
  size_t ef_construction;
  uint64_t stamp;       /* of this state: no other index or state in the process has it */
  uint64_t next_label;  /* one more than the largest label so far; 0 if there was none */
  uint64_t labels_left; /* labels from next_label to the largest there can be */
} hnsw_stats;

typedef struct {
  uint64_t label;
  float distance;
} hnsw_neighbor;

typedef struct hnsw_index hnsw_index;
typedef struct hnsw_writer hnsw_writer;
typedef struct hnsw_loader hnsw_loader;

/* Returns a new, empty index, owned by the caller: hnsw_index_free. Null on
 * failure. With folder, of folder_len bytes, its vectors are in a file without a
 * name there. */
hnsw_index *hnsw_index_new(const hnsw_config *cfg, const char *folder, size_t folder_len, hnsw_status *st) HNSW_NOEXCEPT;

/* Frees the memory of the vectors, or their file: what is left are codes, without which it is
 * HNSW_CONFIG. From then on answers are ranked by codes and distances are
 * estimates, items are what codes tell, and what needs vectors is HNSW_DROPPED: begin,
 * compact, calibrate, a writer, a search by HNSW_UPSTREAM. Exclusive. */
void hnsw_index_drop(hnsw_index *ix, hnsw_status *st) HNSW_NOEXCEPT;

/* Frees ix. Null is allowed. Exclusive. */
void hnsw_index_free(hnsw_index *ix) HNSW_NOEXCEPT;

/* Reports counts. Shared. */
void hnsw_index_stat(const hnsw_index *ix, hnsw_stats *out) HNSW_NOEXCEPT;

/* Size of the file that hnsw_writer would write. Shared. Looks at every slot. */
size_t hnsw_index_file_bytes(const hnsw_index *ix) HNSW_NOEXCEPT;

/* Makes room for exactly `slots` rows, or for those in use if they are more.
 * On HNSW_NO_MEMORY the index is as it was. Exclusive. */
void hnsw_index_reserve(hnsw_index *ix, size_t slots, hnsw_status *st) HNSW_NOEXCEPT;

/* Checks a batch as hnsw_index_add would, for room apart, and stores in
 * *new_labels how many of its labels the index does not know. Shared. */
void hnsw_index_precheck(const hnsw_index *ix, const float *vecs, const uint64_t *labels, size_t n,
                         size_t *new_labels, hnsw_status *st) HNSW_NOEXCEPT;

/* An addition has three steps, so that threads can share the second. The first
 * and the last are exclusive, and so is the second but for itself. All take the
 * same vecs, row-major n*dim floats; cosine stores them normalised. A label that
 * the index knows gets a new slot and its old one is superseded, unless the
 * vector is the very same. On HNSW_INTERNAL the index is broken: free it.
 *
 * begin makes all checks, and changes nothing if it fails. */
void hnsw_index_begin(hnsw_index *ix, const float *vecs, const uint64_t *labels, size_t n,
                      hnsw_status *st) HNSW_NOEXCEPT;

/* Inserts vectors of the addition that no other thread has taken, in their
 * order, until the first `until` are; or once the first `sure` are, when
 * *waiting is not 0, which others may set meanwhile. One thread that takes all of
 * them builds the graph that upstream would, level for level and link for link,
 * however many additions they come in. */
void hnsw_index_insert(hnsw_index *ix, const float *vecs, size_t until, size_t sure, const int32_t *waiting,
                       hnsw_status *st) HNSW_NOEXCEPT;

/* Ends the addition: answers contain its first vectors, those taken, from now
 * on. Returns how many they are. */
size_t hnsw_index_end(hnsw_index *ix, hnsw_status *st) HNSW_NOEXCEPT;

/* Forgets n deleted labels, those of the lowest slots, or all if they are
 * fewer. Exclusive. */
void hnsw_index_forget(hnsw_index *ix, size_t n, hnsw_status *st) HNSW_NOEXCEPT;

/* Evaluates a set of labels: sets in bits, a bitmap over slots, those that are
 * live and that the set lets in, clears the others, and returns how many it
 * set. n is the number of labels of a list, or of words of a bitmap. Shared. */
size_t hnsw_index_match(const hnsw_index *ix, const uint64_t *set, size_t n, uint64_t base, int32_t form,
                        uint64_t *bits) HNSW_NOEXCEPT;

/* Finds for each of n queries its min(k, live) nearest, ascending by distance
 * and then label, into row i of out (n*k entries) and their number in
 * counts[i]. ef is the size of the candidate list; max(ef, k) is used. With
 * slack over 0 the walk ends sooner: where what is left is farther than the
 * slack_k-th nearest so far by more than slack times its distance, which in HNSW_IP counts from the least
 * that a vector no longer than longest can have. With
 * allowed, a bitmap over slots that hnsw_index_match made of the index as it is
 * now, and matches, what that returned, only those are found; null means all.
 * Shared. */
void hnsw_index_search(const hnsw_index *ix, const float *queries, size_t n, size_t k, size_t ef, float slack,
                       size_t slack_k, float longest, int32_t engine, const uint64_t *allowed, size_t matches, hnsw_neighbor *out,
                       uint32_t *counts, hnsw_status *st) HNSW_NOEXCEPT;

/* Stores up to n live slots, drawn by seed from those on level 0 alone, and
 * returns how many. Shared. */
size_t hnsw_index_sample(const hnsw_index *ix, size_t n, uint64_t seed, uint32_t *out, hnsw_status *st) HNSW_NOEXCEPT;

/* The length of the longest vector. Shared. Looks at every slot. */
float hnsw_index_longest(const hnsw_index *ix) HNSW_NOEXCEPT;

/* Measures recall: query i is the vector of slot a[i], which is left out of the
 * index for the time, or what lies between it and that of slot b[i], if that is
 * another. Finds the min(k, live-1) nearest of each exactly, and by a walk with
 * each of m slacks, and adds to found[j] how many of all the walks with slacks[j]
 * found. Shared. Looks at every slot n times. */
void hnsw_index_calibrate(const hnsw_index *ix, const uint32_t *a, const uint32_t *b, size_t n, size_t k, size_t ef,
                          const float *slacks, size_t m, float longest, size_t *found, hnsw_status *st) HNSW_NOEXCEPT;

/* Finds the live slots, or the allowed ones, no farther than radius from query,
 * ascending by distance and then label. Stores the first cap of them in out and
 * returns how many there are. With ef of 0 it looks at every slot and misses
 * none; otherwise it walks the graph as a search with ef would, and on through
 * all that lies within. Shared. */
size_t hnsw_index_within(const hnsw_index *ix, const float *query, float radius, size_t ef,
                         const uint64_t *allowed, size_t matches, hnsw_neighbor *out, size_t cap,
                         hnsw_status *st) HNSW_NOEXCEPT;

/* Copies the stored vectors of n live labels into out, n*dim floats. Shared. */
void hnsw_index_items(const hnsw_index *ix, const uint64_t *labels, size_t n, float *out,
                      hnsw_status *st) HNSW_NOEXCEPT;

/* Marks n labels deleted (deleted = 1) or live again (0). Nothing changes if a
 * label is unknown, or is to be deleted and already is. Exclusive. */
void hnsw_index_mark(hnsw_index *ix, const uint64_t *labels, size_t n, int32_t deleted,
                     hnsw_status *st) HNSW_NOEXCEPT;

/* Stores up to cap live labels in ascending order; returns how many. Shared. */
size_t hnsw_index_labels(const hnsw_index *ix, uint64_t *out, size_t cap, hnsw_status *st) HNSW_NOEXCEPT;

/* 1 if label is live, else 0. Shared. */
int32_t hnsw_index_has(const hnsw_index *ix, uint64_t label) HNSW_NOEXCEPT;

/* Begins an index of the same settings from ix's live vectors, and its deleted
 * ones where keep_deleted is 1, in the order of their slots, as hnsw_index_begin
 * would: go on with hnsw_index_insert, without vecs, and hnsw_index_end. Until
 * then ix must not change. Owned by the caller; null on failure. Shared. */
hnsw_index *hnsw_index_compact(const hnsw_index *ix, int32_t keep_deleted, hnsw_status *st) HNSW_NOEXCEPT;

/* Counts slots, dead ones included: levels[l] those whose top level is l, in
 * levels_cap places, and degrees[d] those with d links on level 0, in
 * degrees_cap places; what lies beyond counts in the last. Returns the number
 * that level 0 does not lead to from the entry point. Shared. */
size_t hnsw_index_survey(const hnsw_index *ix, size_t *levels, size_t levels_cap, size_t *degrees,
                         size_t degrees_cap, hnsw_status *st) HNSW_NOEXCEPT;

/* Bytes allocated for the index, without the allocator's own and the visited
 * lists of queries under way. Shared. Looks at every slot. */
size_t hnsw_index_memory(const hnsw_index *ix) HNSW_NOEXCEPT;

/* Verifies links, levels, entry point, labels and vectors: HNSW_CORRUPT names
 * the first contradiction. Shared. */
void hnsw_index_verify(const hnsw_index *ix, hnsw_status *st) HNSW_NOEXCEPT;

/* Starts to write ix in upstream's file format, with the given max_elements in
 * the header (raised to the slots in use). Owned by the caller:
 * hnsw_writer_free. It borrows ix, which must outlive it and not change. */
hnsw_writer *hnsw_writer_new(const hnsw_index *ix, size_t max_elements, hnsw_status *st) HNSW_NOEXCEPT;

/* Copies the next bytes of the file into buf, at most cap; returns how many, 0 at the end. */
size_t hnsw_writer_read(hnsw_writer *w, char *buf, size_t cap, hnsw_status *st) HNSW_NOEXCEPT;

void hnsw_writer_free(hnsw_writer *w) HNSW_NOEXCEPT;

/* Starts to read a file of file_bytes bytes as an index of cfg's space and dim,
 * with at least cfg->slots of room; m and ef_construction come from the file.
 * folder is that of hnsw_index_new. Owned by the caller: hnsw_loader_free. One
 * thread at a time. */
hnsw_loader *hnsw_loader_new(const hnsw_config *cfg, const char *folder, size_t folder_len, size_t file_bytes,
                             hnsw_status *st) HNSW_NOEXCEPT;

/* Takes the file's next n bytes. After a failure only free is allowed. */
void hnsw_loader_feed(hnsw_loader *l, const char *buf, size_t n, hnsw_status *st) HNSW_NOEXCEPT;

/* Returns the index once all bytes were fed, owned by the caller, and stores
 * the header's max_elements. Null on failure. The loader is spent either way. */
hnsw_index *hnsw_loader_finish(hnsw_loader *l, size_t *max_elements, hnsw_status *st) HNSW_NOEXCEPT;

void hnsw_loader_free(hnsw_loader *l) HNSW_NOEXCEPT;

/* Distance kernels built in, best first; number hnsw_kernel_count() - 1 is the
 * portable one. Names are static, NUL-terminated and not to be freed. */
size_t hnsw_kernel_count(void) HNSW_NOEXCEPT;
const char *hnsw_kernel_name(size_t i) HNSW_NOEXCEPT;

/* 1 if this machine can run kernel i, else 0. */
int32_t hnsw_kernel_usable(size_t i) HNSW_NOEXCEPT;

/* The kernel that indexes use: the first usable one, or that which the
 * environment names in MINNOW_KERNEL if it is usable. It never changes. */
size_t hnsw_kernel_best(void) HNSW_NOEXCEPT;

/* Distance of a and b, dim floats each, by kernel i in HNSW_L2 or HNSW_IP.
 * Requires hnsw_kernel_usable(i). */
float hnsw_kernel_distance(size_t i, int32_t space, const float *a, const float *b, size_t dim) HNSW_NOEXCEPT;

/* Stores in out[j] the dot product of query and row ids[j], for n ids, by kernel
 * i. Rows have codes of 8 or 4 bits and 1 to 1024 lines of 64 bytes; kernel.h
 * has their layout. codes and query lie on cache lines.
 * Requires hnsw_kernel_usable(i). */
void hnsw_kernel_dot(size_t i, int32_t bits, const uint8_t *codes, size_t lines, const uint32_t *ids, size_t n,
                     const int8_t *query, int32_t *out) HNSW_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
