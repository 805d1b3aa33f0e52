#include "dataplane/base/keyed_hash.h"

#define XXH_INLINE_ALL
#include <sys/random.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dataplane/base/assert.h"
#include "dataplane/base/keyed_hash_inline.h"

namespace base {

HashSecret hash_secret;

namespace {

static_assert(sizeof hash_secret >= 192, "XXH3 reads that much of it");
const bool kHasAes = __builtin_cpu_supports("aes") != 0;

uint64_t hash_by_aes(ByteView bytes, uint64_t tag) {
  constexpr size_t kBlock = 64, kMost = 256;
  ASSERT(bytes.size() <= kMost);
  const size_t blocks = std::max<size_t>(1, (bytes.size() + kBlock - 1) / kBlock);
  alignas(kBlock) std::array<std::byte, kMost> padded;
  std::memset(&padded[(blocks - 1) * kBlock], 0, kBlock);
  if (!bytes.empty()) std::memcpy(padded.data(), bytes.data(), bytes.size());
  return aes_hash(padded.data(), blocks, tag);
}

uint64_t hash_by_xxh3(ByteView bytes, uint64_t tag) {
  const uint64_t name =
      XXH3_64bits_withSecret(bytes.data(), bytes.size(), &hash_secret, sizeof hash_secret);
  uint64_t key;
  std::memcpy(&key, &hash_secret, sizeof key);
  return XXH64_avalanche(name ^ ((tag ^ key) * 0x9E3779B97F4A7C15ULL));
}

}  // namespace

void draw_hash_secret() {
  auto* secret = reinterpret_cast<std::byte*>(&hash_secret);
  size_t have = 0;
  while (have < sizeof hash_secret) {
    const ssize_t got = getrandom(secret + have, sizeof hash_secret - have, 0);
    if (got > 0) {
      have += static_cast<size_t>(got);
    } else if (errno != EINTR) {
      // Without a secret the cache could be attacked at will; there is no weaker mode to fall back
      // to.
      std::perror("getrandom");
      std::abort();
    }
  }
}

bool hashes_by_aes() { return kHasAes; }

uint64_t keyed_hash(ByteView bytes, uint64_t tag) {
  // A zero-padded block does not say where its input ended; the size does.
  const uint64_t sized = tag | uint64_t{bytes.size()} << 48;
  return kHasAes ? hash_by_aes(bytes, sized) : hash_by_xxh3(bytes, sized);
}

}  // namespace base
