// The hash of a question, with a secret drawn at start, so that no outsider can choose names that
// collide. It only ever says where to look; identity is always the full comparison.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace base {

/// Draws this process's secret from the kernel. Called once, before any hashing thread starts.
void draw_hash_secret();

/// Whether the hash is aes_hash (keyed_hash_inline.h), which the hit path computes by itself; XXH3
/// otherwise.
[[nodiscard]] bool hashes_by_aes();

/// `bytes`: at most 256. `tag` stands for what distinguishes questions beside the bytes (type,
/// class, flags, pool).
[[nodiscard]] uint64_t keyed_hash(ByteView bytes, uint64_t tag);

}  // namespace base
