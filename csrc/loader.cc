// Reading a file that anything may have written. Upstream's loadIndex checks
// little (hnswalg.h L716-822) and never runs: the bytes go straight into a
// fresh graph, each piece is checked as it completes, and the graph is handed
// out only when all of it agrees. Memory is taken for the elements that the
// file's length can hold, never for what its header claims beyond that.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "file.h"
#include "status.h"

using namespace minnow;

hnsw_loader::hnsw_loader(const hnsw_config &c, const std::string &folder, size_t file_bytes)
    : header(), cfg(c), folder(folder), file_bytes(file_bytes), piece(reinterpret_cast<char *>(&header)), want(sizeof header) {
  hnsw_config probe = c;  // m and ef_construction are the file's to say
  probe.m = HNSW_MIN_M;
  probe.ef_construction = 1;
  check_config(probe);
  if (file_bytes < sizeof header) {
    fail(HNSW_CORRUPT, "%zu bytes are fewer than the header's %zu", file_bytes, sizeof header);
  }
}

void hnsw_loader::feed(const char *buf, size_t n) {
  if (n > file_bytes - fed) fail(HNSW_CORRUPT, "more than the %zu bytes announced", file_bytes);
  while (n > 0) {
    if (now == part::end) fail(HNSW_CORRUPT, "%zu bytes after the last element", file_bytes - fed);
    const size_t chunk = std::min(n, want - have);
    memcpy(piece + have, buf, chunk);
    have += chunk;
    fed += chunk;
    buf += chunk;
    n -= chunk;
    if (have == want) piece_complete();
  }
}

void hnsw_loader::piece_complete() {
  have = 0;
  switch (now) {
    case part::header: return take_header();
    case part::rows: return take_row();
    case part::list_size: return take_list_size();
    case part::list: return next_list();
    case part::end: return;
  }
}

void hnsw_loader::take_header() {
  const file_header &h = header;
  const uint64_t links0 = sizeof(uint32_t) * (1 + 2 * h.m);
  if (h.m < HNSW_MIN_M || h.m > HNSW_MAX_M) {
    fail(HNSW_CORRUPT, "M %llu is not in %d..%d", static_cast<unsigned long long>(h.m), HNSW_MIN_M, HNSW_MAX_M);
  }
  if (h.max_m != h.m || h.max_m0 != 2 * h.m) {
    fail(HNSW_CORRUPT, "maxM %llu and maxM0 %llu do not follow from M %llu",
         static_cast<unsigned long long>(h.max_m), static_cast<unsigned long long>(h.max_m0),
         static_cast<unsigned long long>(h.m));
  }
  if (!(std::fabs(h.mult * std::log(double(h.m)) - 1) < 1e-6)) {
    fail(HNSW_CORRUPT, "mult %g does not follow from M %llu", h.mult, static_cast<unsigned long long>(h.m));
  }
  if (h.ef_construction < 1 || h.ef_construction > HNSW_MAX_EF_CONSTRUCTION) {
    fail(HNSW_CORRUPT, "ef_construction %llu is not in 1..%d", static_cast<unsigned long long>(h.ef_construction),
         HNSW_MAX_EF_CONSTRUCTION);
  }
  const uint64_t vector_bytes = h.label_offset - h.data_offset;
  if (h.offset_level0 != 0 || h.data_offset != links0 || h.label_offset < h.data_offset ||
      vector_bytes % sizeof(float) != 0 || vector_bytes > sizeof(float) * uint64_t{HNSW_MAX_DIM} ||
      h.row_bytes != h.label_offset + sizeof(uint64_t)) {
    fail(HNSW_CORRUPT, "row layout: links at %llu, vector at %llu, label at %llu, %llu bytes",
         static_cast<unsigned long long>(h.offset_level0), static_cast<unsigned long long>(h.data_offset),
         static_cast<unsigned long long>(h.label_offset), static_cast<unsigned long long>(h.row_bytes));
  }
  if (vector_bytes != cfg.dim * sizeof(float)) {
    fail(HNSW_DIMENSION, "the file has dimension %llu, the index %zu",
         static_cast<unsigned long long>(vector_bytes / sizeof(float)), cfg.dim);
  }
  const uint64_t least = h.row_bytes + sizeof(uint32_t);  // bytes of an element without upper levels
  if (h.count > (file_bytes - fed) / least) {
    fail(HNSW_CORRUPT, "%llu elements of at least %llu bytes do not fit in the %zu bytes after the header",
         static_cast<unsigned long long>(h.count), static_cast<unsigned long long>(least), file_bytes - fed);
  }
  if (h.count > h.max_elements || h.max_elements > HNSW_MAX_SLOTS) {
    fail(HNSW_CORRUPT, "%llu elements of at most %llu", static_cast<unsigned long long>(h.count),
         static_cast<unsigned long long>(h.max_elements));
  }
  const bool empty = h.count == 0;
  if (empty ? (h.max_level != -1 || h.entry_point != UINT32_MAX) : (h.max_level < 0 || h.entry_point >= h.count)) {
    fail(HNSW_CORRUPT, "entry point %u on level %d among %llu elements", h.entry_point, h.max_level,
         static_cast<unsigned long long>(h.count));
  }

  cfg.m = h.m;
  cfg.ef_construction = h.ef_construction;
  cfg.slots = std::max<size_t>(cfg.slots, h.count);
  ix = std::make_unique<hnsw_index>(cfg, folder);
  ix->labels.resize(h.count);
  ix->dead.resize(h.count);
  if (empty) {
    now = part::end;
    return;
  }
  now = part::rows;
  row.resize(h.row_bytes);
  piece = row.data();
  want = row.size();
}

void hnsw_loader::take_row() {
  const graph &g = *ix->g;
  const uint8_t *head = reinterpret_cast<const uint8_t *>(row.data());
  if (head[mark_offset] > graph::DELETE_MARK || head[mark_offset + 1] != 0) {
    fail(HNSW_CORRUPT, "element %u: delete mark %02x%02x", slot, head[mark_offset], head[mark_offset + 1]);
  }
  ix->dead[slot] = std::exchange(row[mark_offset], 0);
  ix->lay_out(slot, 0);
  memcpy(g.get_linklist0(slot), row.data(), header.data_offset);
  memcpy(ix->rows.at(slot), row.data() + header.data_offset, cfg.dim * sizeof(float));
  memcpy(&ix->labels[slot], row.data() + header.label_offset, sizeof(uint64_t));
  verify_vector(cfg.space, ix->vector(slot), cfg.dim, slot);
  if (++slot < header.count) return;
  slot = 0;
  now = part::list_size;
  piece = reinterpret_cast<char *>(&list_bytes);
  want = sizeof list_bytes;
}

void hnsw_loader::take_list_size() {
  graph &g = *ix->g;
  if (list_bytes == 0) {
    g.cur_element_count = slot + 1;
    return next_list();
  }
  const size_t levels = list_bytes / g.size_links_per_element_;
  if (list_bytes % g.size_links_per_element_ != 0 || levels > static_cast<size_t>(header.max_level)) {
    fail(HNSW_CORRUPT, "element %u: %u bytes of upper links are not 1 to %d levels of %zu", slot, list_bytes,
         header.max_level, g.size_links_per_element_);
  }
  if (list_bytes > file_bytes - fed) {
    fail(HNSW_CORRUPT, "element %u: %u bytes of upper links, %zu left", slot, list_bytes, file_bytes - fed);
  }
  g.linkLists_[slot] = new_lists(g, levels);
  g.element_levels_[slot] = static_cast<int>(levels);
  g.cur_element_count = slot + 1;  // from here the destructor frees the lists
  now = part::list;
  piece = g.linkLists_[slot];
  want = list_bytes;
}

void hnsw_loader::next_list() {
  if (++slot == header.count) {
    now = part::end;
    return;
  }
  now = part::list_size;
  piece = reinterpret_cast<char *>(&list_bytes);
  want = sizeof list_bytes;
}

std::unique_ptr<hnsw_index> hnsw_loader::finish() {
  if (now != part::end || fed != file_bytes) {
    fail(HNSW_CORRUPT, "it ends after %zu of %zu bytes", fed, file_bytes);
  }
  ix->g->maxlevel_ = header.max_level;
  ix->g->enterpoint_node_ = header.entry_point;
  verify_graph(*ix->g);
  ix->map_labels();
  ix->codes.learn(ix->rows, header.count);
  return std::move(ix);
}
