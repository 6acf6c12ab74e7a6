#include <algorithm>

#include "file.h"
#include "status.h"

using namespace minnow;

hnsw_writer::hnsw_writer(const hnsw_index &ix, size_t max_elements)
    : ix(ix), max_elements(std::max(max_elements, ix.slots())) {
  ix.need_vectors();
  // Reserved here, so that read cannot fail.
  const size_t levels = static_cast<size_t>(std::max(ix.g->maxlevel_, 0));
  piece.reserve(std::max({sizeof(file_header), file_row_bytes(ix),
                          sizeof(uint32_t) + levels * ix.g->size_links_per_element_}));
}

size_t hnsw_writer::read(char *buf, size_t cap) {
  size_t n = 0;
  while (n < cap) {
    if (done == piece.size()) {
      if (next == part::end) break;
      load_piece();
      continue;
    }
    const size_t chunk = std::min(cap - n, piece.size() - done);
    memcpy(buf + n, piece.data() + done, chunk);
    done += chunk;
    n += chunk;
  }
  return n;
}

void hnsw_writer::load_piece() {
  const graph &g = *ix.g;
  done = 0;
  switch (next) {
    case part::header: {
      const size_t data_offset = g.size_links_level0_, label_offset = data_offset + ix.cfg.dim * sizeof(float);
      const file_header h{g.offsetLevel0_, max_elements, g.cur_element_count, file_row_bytes(ix),
                          label_offset,    data_offset,  g.maxlevel_,         g.enterpoint_node_,
                          g.maxM_,         g.maxM0_,     g.M_,                g.mult_,
                          g.ef_construction_};
      piece.resize(sizeof h);
      memcpy(piece.data(), &h, sizeof h);
      next = ix.slots() ? part::rows : part::end;
      return;
    }
    case part::rows: {
      const size_t vector_bytes = ix.cfg.dim * sizeof(float);
      piece.resize(file_row_bytes(ix));
      memcpy(piece.data(), g.get_linklist0(slot), g.size_links_level0_);
      memcpy(piece.data() + g.size_links_level0_, ix.vector(slot), vector_bytes);
      memcpy(piece.data() + g.size_links_level0_ + vector_bytes, &ix.labels[slot], sizeof(uint64_t));
      piece[mark_offset] = static_cast<char>(ix.dead[slot] ? graph::DELETE_MARK : 0);
      if (++slot == ix.slots()) {
        slot = 0;
        next = part::lists;
      }
      return;
    }
    case part::lists: {
      const uint32_t bytes = static_cast<uint32_t>(g.element_levels_[slot] * g.size_links_per_element_);
      piece.resize(sizeof bytes + bytes);
      memcpy(piece.data(), &bytes, sizeof bytes);
      if (bytes) memcpy(piece.data() + sizeof bytes, g.linkLists_[slot], bytes);
      if (++slot == ix.slots()) next = part::end;
      return;
    }
    case part::end:
      piece.clear();
      return;
  }
}

size_t hnsw_index::file_bytes() const {
  size_t n = sizeof(file_header) + slots() * (file_row_bytes(*this) + sizeof(uint32_t));
  for (slot_id s = 0; s < slots(); s++) n += g->element_levels_[s] * g->size_links_per_element_;
  return n;
}
