// One's-complement sums of 16-bit words, as they lie in memory. RFC 1071: the sum does not mind the
// byte order, so only constants and the result are ever swapped; 64 bits hold 2^32 words and more
// without a carry.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "dataplane/base/bytes.h"

namespace base {

template <typename Word>
[[nodiscard]] inline Word load(const std::byte* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// The halves of eight octets, to be added to a sum.
[[nodiscard]] constexpr uint64_t halves(uint64_t word) {
  return (word & 0xFFFFFFFF) + (word >> 32);
}

/// Down to 16 bits, carries added in again; 0 only if everything summed was 0. A number added to
/// itself turned by half has in its upper half the sum of both halves and their carry.
[[nodiscard]] constexpr uint16_t folded(uint64_t sum) {
  const auto half = static_cast<uint32_t>((sum + std::rotr(sum, 32)) >> 32);
  return static_cast<uint16_t>((half + std::rotr(half, 16)) >> 16);
}

/// Octets that start at an even place, an odd number of them only at the end. Eight at a time;
/// rte_raw_cksum goes two by two.
[[nodiscard]] inline uint64_t sum_of(ByteView bytes) {
  uint64_t sum = 0;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) sum += halves(load<uint64_t>(&bytes[at]));
  const size_t left = bytes.size() - at;
  if ((left & 4) != 0) sum += load<uint32_t>(&bytes[at]);
  at += left & 4;
  if ((left & 2) != 0) sum += load<uint16_t>(&bytes[at]);
  at += left & 2;
  if ((left & 1) != 0) sum += load<uint8_t>(&bytes[at]);
  return sum;
}

}  // namespace base
