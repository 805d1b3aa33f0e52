// keyed_hash for a processor with AES instructions, to be inlined: the same few instructions for
// every length up to 64.
//
// Four lanes of 16 octets go through two rounds each, with keys of their own, and are added up; the
// sum and the tag go through two more. Inputs can only collide if the differences of two lanes
// cancel, which cannot be arranged without the keys, and a collision costs no more than a place in
// a bucket.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace base {

/// Drawn once at start, then only read. XXH3 takes its secret from it too.
struct HashSecret {
  static constexpr size_t kLanes = 4;
  alignas(64) std::array<std::array<std::byte, 16>, kLanes> start{};
  std::array<std::array<std::byte, 16>, kLanes> first{};
  std::array<std::array<std::byte, 16>, kLanes> second{};
  std::array<std::array<std::byte, 16>, 2> last{};
};
extern HashSecret hash_secret;

/// `blocks` times 64 octets, the last ones zero where the input ends.
[[gnu::target("aes,sse4.2")]] inline uint64_t aes_hash(const std::byte* octets, size_t blocks,
                                                       uint64_t tag) {
  const auto load = [](const std::byte* at) __attribute__((target("aes,sse4.2"))) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  };
  __m128i sum = _mm_set_epi64x(0, static_cast<long long>(tag));
  for (size_t i = 0; i < HashSecret::kLanes; ++i) {
    __m128i lane = load(hash_secret.start[i].data());
    for (size_t block = 0; block < blocks; ++block) {
      lane = _mm_xor_si128(lane, load(octets + 64 * block + 16 * i));
      lane = _mm_aesenc_si128(lane, load(hash_secret.first[i].data()));
      lane = _mm_aesenc_si128(lane, load(hash_secret.second[i].data()));
    }
    sum = _mm_xor_si128(sum, lane);
  }
  sum = _mm_aesenc_si128(sum, load(hash_secret.last[0].data()));
  sum = _mm_aesenc_si128(sum, load(hash_secret.last[1].data()));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(sum));
}

}  // namespace base
