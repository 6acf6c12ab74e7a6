// Upstream's file format: a header of 96 bytes, one row per slot (level-0
// links, vector, label), then per slot the size of its upper lists and the
// lists. Host byte order, no magic, no checksum, no space, no ef.
//
// Neither class does input or output: the caller moves the bytes, and so every
// error of a file system is the caller's to see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "index.h"

namespace minnow {

// The header as upstream lays it out (hnswalg.h L689-702).
struct file_header {
  uint64_t offset_level0;
  uint64_t max_elements;
  uint64_t count;
  uint64_t row_bytes;
  uint64_t label_offset;
  uint64_t data_offset;
  int32_t max_level;
  uint32_t entry_point;
  uint64_t max_m;
  uint64_t max_m0;
  uint64_t m;
  double mult;
  uint64_t ef_construction;
};
static_assert(sizeof(file_header) == 96 && sizeof(size_t) == 8, "upstream's layout on 64-bit machines");

// A row of the file: links, vector and label without a gap.
inline size_t file_row_bytes(const hnsw_index &ix) {
  return ix.g->size_links_level0_ + ix.cfg.dim * sizeof(float) + sizeof(uint64_t);
}

// Bytes 2 and 3 of a row are its delete mark and a zero (L931-946).
constexpr size_t mark_offset = 2;

// Fails with HNSW_CORRUPT unless links, levels and entry point agree, so that
// no walk can leave the graph.
void verify_graph(const graph &g);

// Fails with HNSW_CORRUPT unless v is what kind stores.
void verify_vector(int32_t kind, const float *v, size_t dim, size_t slot);

}  // namespace minnow

struct hnsw_writer {
  hnsw_writer(const hnsw_index &ix, size_t max_elements);

  size_t read(char *buf, size_t cap);

 private:
  enum class part { header, rows, lists, end };

  void load_piece();

  const hnsw_index &ix;
  const size_t max_elements;
  part next = part::header;
  minnow::slot_id slot = 0;
  std::vector<char> piece;  // the bytes being handed out
  size_t done = 0;          // of piece
};

struct hnsw_loader {
  hnsw_loader(const hnsw_config &cfg, const std::string &folder, size_t file_bytes);

  void feed(const char *buf, size_t n);
  std::unique_ptr<hnsw_index> finish();

  minnow::file_header header;

 private:
  enum class part { header, rows, list_size, list, end };

  void piece_complete();
  void take_header();
  void take_row();
  void take_list_size();
  void next_list();

  hnsw_config cfg;
  const std::string folder;  // of the index's vectors
  const size_t file_bytes;
  size_t fed = 0;
  std::unique_ptr<hnsw_index> ix;
  part now = part::header;
  minnow::slot_id slot = 0;
  uint32_t list_bytes = 0;
  std::vector<char> row;
  char *piece;  // where the piece being read goes
  size_t want;  // its bytes
  size_t have = 0;
};
