/* C interface of the exact index: rows of a vector and a label, all of them
 * looked at for every query. It takes the place of upstream's BruteforceSearch
 * and shares its file format, none of its code. The rules of hnsw.h hold. */
#ifndef MINNOW_FLAT_H
#define MINNOW_FLAT_H

#include "hnsw.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hnsw_flat hnsw_flat;

/* Returns a new, empty index of cfg's space and dim with room for cfg's slots,
 * owned by the caller: hnsw_flat_free. Null on failure. */
hnsw_flat *hnsw_flat_new(const hnsw_config *cfg, hnsw_status *st) HNSW_NOEXCEPT;

/* Frees ix. Null is allowed. Exclusive. */
void hnsw_flat_free(hnsw_flat *ix) HNSW_NOEXCEPT;

/* Reports counts: slots, live, room, and those of labels. Shared. */
void hnsw_flat_stat(const hnsw_flat *ix, hnsw_stats *out) HNSW_NOEXCEPT;

/* Makes room for exactly `slots` rows, or for those in use. Exclusive. */
void hnsw_flat_reserve(hnsw_flat *ix, size_t slots, hnsw_status *st) HNSW_NOEXCEPT;

/* Checks a batch as hnsw_flat_add would, for room apart, and stores in
 * *new_labels how many of its labels the index does not know. Shared. */
void hnsw_flat_precheck(const hnsw_flat *ix, const float *vecs, const uint64_t *labels, size_t n,
                        size_t *new_labels, hnsw_status *st) HNSW_NOEXCEPT;

/* Adds n vectors, or replaces those of known labels. Nothing changes on failure. Exclusive. */
void hnsw_flat_add(hnsw_flat *ix, const float *vecs, const uint64_t *labels, size_t n,
                   hnsw_status *st) HNSW_NOEXCEPT;

/* Takes n labels out; the last row moves into each gap. A label may be given
 * twice. Nothing changes if one is unknown. Exclusive. */
void hnsw_flat_delete(hnsw_flat *ix, const uint64_t *labels, size_t n, hnsw_status *st) HNSW_NOEXCEPT;

/* As those of hnsw_index. Shared. */
size_t hnsw_flat_match(const hnsw_flat *ix, const uint64_t *set, size_t n, uint64_t base, int32_t form,
                       uint64_t *bits) HNSW_NOEXCEPT;
void hnsw_flat_search(const hnsw_flat *ix, const float *queries, size_t n, size_t k, const uint64_t *allowed,
                      size_t matches, hnsw_neighbor *out, uint32_t *counts, hnsw_status *st) HNSW_NOEXCEPT;
void hnsw_flat_items(const hnsw_flat *ix, const uint64_t *labels, size_t n, float *out,
                     hnsw_status *st) HNSW_NOEXCEPT;
size_t hnsw_flat_labels(const hnsw_flat *ix, uint64_t *out, size_t cap, hnsw_status *st) HNSW_NOEXCEPT;
int32_t hnsw_flat_has(const hnsw_flat *ix, uint64_t label) HNSW_NOEXCEPT;

/* Copies rows first to first+n, as the file has them (dim floats, label), into buf. Shared. */
void hnsw_flat_rows(const hnsw_flat *ix, size_t first, size_t n, char *buf) HNSW_NOEXCEPT;

/* Appends n rows of a file after checking them as hnsw_loader does. Exclusive. */
void hnsw_flat_restore(hnsw_flat *ix, const char *rows, size_t n, hnsw_status *st) HNSW_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
