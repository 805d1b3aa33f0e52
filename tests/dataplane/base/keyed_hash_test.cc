// The keyed hash: the same for the same input, another one for any other, and another one in every
// process.
#include "dataplane/base/keyed_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_set>
#include <vector>

namespace base {
namespace {

std::array<std::byte, 4> bytes_of(uint32_t number) {
  std::array<std::byte, 4> bytes;
  store_be32(bytes.data(), number);
  return bytes;
}

TEST(KeyedHash, IsAFunctionOfBytesAndTag) {
  draw_hash_secret();
  const auto bytes = bytes_of(7);
  EXPECT_EQ(keyed_hash(bytes, 1), keyed_hash(bytes, 1));
  EXPECT_NE(keyed_hash(bytes, 1), keyed_hash(bytes, 2));
  EXPECT_NE(keyed_hash(bytes, 1), keyed_hash(bytes_of(8), 1));
  EXPECT_NE(keyed_hash(bytes, 1), keyed_hash(ByteView(bytes).first(3), 1));
}

TEST(KeyedHash, ChangesWithTheSecret) {
  const auto bytes = bytes_of(7);
  draw_hash_secret();
  const uint64_t before = keyed_hash(bytes, 1);
  draw_hash_secret();
  EXPECT_NE(keyed_hash(bytes, 1), before);
}

TEST(KeyedHash, HashesNothingAtAll) {
  draw_hash_secret();
  EXPECT_NE(keyed_hash({}, 0), keyed_hash({}, 1));
}

TEST(KeyedHash, DoesNotCollideOnNeighbours) {
  draw_hash_secret();
  std::unordered_set<uint64_t> seen;
  for (uint32_t i = 0; i < 20'000; ++i) {
    seen.insert(keyed_hash(bytes_of(i), 0));
    seen.insert(keyed_hash(bytes_of(0), uint64_t{i} + 1));
  }
  EXPECT_EQ(seen.size(), 40'000u);
}

// Tables take the upper half, lanes the lower one: both have to be spread.
TEST(KeyedHash, SpreadsBothHalves) {
  draw_hash_secret();
  constexpr size_t kBuckets = 64;
  constexpr uint32_t kKeys = 64'000;
  std::vector<unsigned> upper(kBuckets);
  std::vector<unsigned> lower(kBuckets);
  for (uint32_t i = 0; i < kKeys; ++i) {
    const uint64_t hash = keyed_hash(bytes_of(i), 1);
    ++upper[hash >> 58];
    ++lower[hash % kBuckets];
  }
  // 1,000 each on average; ten standard deviations (32) off happens to no sound hash.
  for (const auto& counts : {upper, lower}) {
    EXPECT_GT(*std::min_element(counts.begin(), counts.end()), 680u);
    EXPECT_LT(*std::max_element(counts.begin(), counts.end()), 1320u);
  }
}

TEST(KeyedHash, SpreadsNamesThatCollideUnderAnotherSecret) {
  // What an attacker could do who knew a secret: names that all go to one of 256 buckets. The next
  // start has another one.
  draw_hash_secret();
  std::vector<uint32_t> colliding;
  for (uint32_t i = 0; colliding.size() < 4096; ++i) {
    if (keyed_hash(bytes_of(i), 0) >> 56 == 0) colliding.push_back(i);
  }
  draw_hash_secret();
  std::array<unsigned, 256> buckets{};
  for (const uint32_t number : colliding) ++buckets[keyed_hash(bytes_of(number), 0) >> 56];
  // 16 on the average, of a Poisson distribution: more than 48 in one of 256 happens once in 10^8
  // runs.
  EXPECT_LT(*std::ranges::max_element(buckets), 48u);
}

TEST(KeyedHash, SpreadsNamesThatDifferInAnyOctet) {
  // Every length that the packet path hashes, each octet changed in turn: no two the same in the
  // bits that choose a bucket.
  draw_hash_secret();
  for (size_t size = 1; size <= 255; size += 7) {
    std::vector<std::byte> bytes(size);
    std::unordered_set<uint64_t> seen = {keyed_hash(bytes, 0) >> 16};
    for (std::byte& octet : bytes) {
      octet = std::byte{1};
      EXPECT_TRUE(seen.insert(keyed_hash(bytes, 0) >> 16).second) << size;
      octet = std::byte{0};
    }
  }
}

}  // namespace
}  // namespace base
