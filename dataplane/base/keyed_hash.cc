#include "dataplane/base/keyed_hash.h"

#define XXH_INLINE_ALL
#include <sys/random.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace base {
namespace {

// XXH3 wants at least 136 octets of secret; it reads 192 of its own.
alignas(64) std::array<std::byte, 192> secret{};

}  // namespace

void draw_hash_secret() {
  size_t have = 0;
  while (have < secret.size()) {
    const ssize_t got = getrandom(&secret[have], secret.size() - have, 0);
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

uint64_t keyed_hash(ByteView bytes, uint64_t tag) {
  const uint64_t name =
      XXH3_64bits_withSecret(bytes.data(), bytes.size(), secret.data(), secret.size());
  uint64_t key;
  std::memcpy(&key, secret.data(), sizeof key);
  return XXH64_avalanche(name ^ ((tag ^ key) * 0x9E3779B97F4A7C15ULL));
}

}  // namespace base
