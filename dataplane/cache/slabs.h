// Where entries live: blocks of a dozen sizes, cut from large pages, so that an answer's few cache
// lines start at a line and millions of them share a few hundred TLB entries. One set for the
// process: what one worker made another may displace.
//
// A size keeps the pages that it was given. In the worst case, a cache filled with answers of one
// size and then with another's, it holds as much memory as the sum of both.
#pragma once

#include <cstddef>

#include "dataplane/base/clock.h"

namespace cache {

inline constexpr size_t kLine = 64;

/// The size of the block that `allocate_block(size)` gives: a multiple of a line, at least two.
[[nodiscard]] size_t block_size(size_t size);

/// At least `size` octets, aligned to a line; nullptr when memory is out. Any thread but a poll
/// core.
[[nodiscard]] std::byte* allocate_block(size_t size);
/// Whether more memory was refused lately: each entry that comes should let another one go. Any
/// thread.
[[nodiscard]] bool memory_is_short(base::Time now);
/// `size` as given to `allocate_block`.
void free_block(std::byte* block, size_t size);

}  // namespace cache
