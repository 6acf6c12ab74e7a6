// The one place that includes upstream, verbatim and pinned at 0.8.0. As a
// system header it keeps its own warnings to itself, and ours stay on.
#pragma once
#pragma GCC system_header

// A compiler stops at an absent header, but goes on after an #error: so the
// sentence that helps comes first, and the include ends the noise.
#if !__has_include(<hnswlib/stop_condition.h>)  // new in 0.8
#error hnswlib 0.8.0 headers not found: run scripts/setup.sh and eval "$(scripts/setup.sh env)" in this repository, or eval "$(go run github.com/minnow-search/minnow/cmd/minnow-setup env)" where you import it
#endif

// Its prefetch reads the link after the last of a list (hnswalg.h L277), and an
// upper list that another thread reached before insert.cc could widen it ends
// one byte after that: a read within what malloc rounds up to, of no meaning,
// which AddressSanitizer reports all the same. So under it there is no prefetch.
#if defined(__SANITIZE_ADDRESS__)
#define NO_MANUAL_VECTORIZATION
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_MANUAL_VECTORIZATION
#endif
#endif

#include <hnswlib/hnswlib.h>
