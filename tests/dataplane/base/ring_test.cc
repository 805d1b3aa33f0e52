// The lane between two threads: bounded, first in first out, nothing lost and nothing torn.
#include "dataplane/base/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <thread>

namespace base {
namespace {

/// Large enough to be torn if a copy were seen half done.
struct Element {
  uint64_t number = 0;
  std::array<uint64_t, 7> copies{};

  static Element of(uint64_t number) {
    Element element{.number = number};
    element.copies.fill(number);
    return element;
  }
  [[nodiscard]] bool is_whole() const {
    for (const uint64_t copy : copies) {
      if (copy != number) return false;
    }
    return true;
  }
};

TEST(Ring, StartsEmpty) {
  Ring<uint32_t> ring(4);
  std::array<uint32_t, 2> out{};
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.pop(out), 0u);
}

TEST(Ring, HoldsAtLeastWhatItWasMadeFor) {
  for (const unsigned capacity : {1u, 2u, 3u, 7u, 8u, 9u, 4096u}) {
    SCOPED_TRACE(capacity);
    Ring<uint32_t> ring(capacity);
    ASSERT_GE(ring.capacity(), capacity);
    for (uint32_t i = 0; i < ring.capacity(); ++i) ASSERT_TRUE(ring.push(i));
    EXPECT_FALSE(ring.push(0));
  }
}

TEST(Ring, GivesBackInOrderAcrossTheWrap) {
  Ring<uint32_t> ring(3);
  uint32_t next_in = 0;
  uint32_t next_out = 0;
  std::array<uint32_t, 2> out{};
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(ring.push(next_in++));
    ASSERT_TRUE(ring.push(next_in++));
    ASSERT_EQ(ring.pop(out), 2u);
    EXPECT_EQ(out[0], next_out++);
    EXPECT_EQ(out[1], next_out++);
  }
  EXPECT_TRUE(ring.empty());
}

TEST(Ring, TakesAgainAfterHavingBeenFull) {
  Ring<uint32_t> ring(1);
  while (ring.push(7)) {
  }
  std::array<uint32_t, 1> out{};
  ASSERT_EQ(ring.pop(out), 1u);
  EXPECT_EQ(out[0], 7u);
  EXPECT_TRUE(ring.push(8));
}

TEST(Ring, CarriesEverythingBetweenTwoThreads) {
  constexpr uint64_t kElements = 200'000;
  Ring<Element> ring(64);
  std::thread producer([&ring] {
    for (uint64_t i = 0; i < kElements; ++i) {
      while (!ring.push(Element::of(i))) std::this_thread::yield();
    }
  });
  std::array<Element, 32> burst{};
  uint64_t expected = 0;
  uint64_t wrong = 0;
  while (expected < kElements) {
    const unsigned got = ring.pop(burst);
    for (unsigned i = 0; i < got; ++i) {
      if (burst[i].number != expected || !burst[i].is_whole()) ++wrong;
      ++expected;
    }
    if (got == 0) std::this_thread::yield();
  }
  producer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace base
