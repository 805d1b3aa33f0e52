// Memory that is given is there; memory that is not to be had is an error, and never a signal.
#include "dataplane/cache/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "dataplane/cache/cache.h"
#include "dataplane/cache/slabs.h"
#include "tests/dataplane/cache/made_entry.h"

namespace {

using base::milliseconds;
using base::seconds;

/// Whether each page of the kernel's is in memory.
bool is_there(std::byte* pages, size_t size) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> there(size / page);
  return mincore(pages, size, there.data()) == 0 &&
         std::ranges::all_of(there, [](unsigned char one) { return (one & 1) != 0; });
}

TEST(MapPages, GivesWhatIsThere) {
  std::byte* const pages = cache::map_pages(3 * cache::kLargePage);
  ASSERT_NE(pages, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pages) % cache::kLargePage, 0u);
  EXPECT_TRUE(is_there(pages, 3 * cache::kLargePage));
  EXPECT_TRUE(std::ranges::all_of(std::span(pages, 3 * cache::kLargePage),
                                  [](std::byte octet) { return octet == std::byte{0}; }));
  cache::unmap_pages(pages, 3 * cache::kLargePage);
}

/// Memory that its own process may not have: beyond the end of a file, where touching it is SIGBUS
/// as it is beyond a cgroup's limit for hugepages.
class DeniedMemory : public testing::Test {
 protected:
  void SetUp() override {
    file_ = memfd_create("denied", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(file_, kGranted), 0);
    void* const mapped = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    pages_ = static_cast<std::byte*>(mapped);
  }
  void TearDown() override {
    munmap(pages_, kSize);
    close(file_);
  }

  static constexpr size_t kSize = cache::kLargePage;
  static constexpr size_t kGranted = kSize / 2;
  std::byte* pages_ = nullptr;
  int file_ = -1;
};

TEST_F(DeniedMemory, IsAnErrorByAdvice) {
  EXPECT_TRUE(cache::populate(pages_, kGranted));
  EXPECT_TRUE(is_there(pages_, kGranted));
  EXPECT_FALSE(cache::populate(pages_, kSize));
}

TEST_F(DeniedMemory, IsAnErrorOnOldKernels) {
  EXPECT_TRUE(cache::populate_by_writing(pages_, kGranted));
  EXPECT_TRUE(is_there(pages_, kGranted));
  EXPECT_EQ(pages_[0], std::byte{0});
  EXPECT_FALSE(cache::populate_by_writing(pages_, kSize));
}

/// Nobody may take anything from the kernel any more.
class NoMoreMemory : public testing::Test {
 protected:
  void SetUp() override {
    cache::use_large_pages(cache::LargePages::Off);
    cache::ask_before_taking([](size_t) { return false; });
  }
  void TearDown() override {
    cache::ask_before_taking(nullptr);
    cache::use_large_pages(cache::LargePages::Auto);
  }

  /// A block from a piece that is granted once more: after a refusal nobody is asked for a while.
  static std::byte* granted_block(size_t size) {
    cache::ask_before_taking(nullptr);
    std::byte* block = nullptr;
    while ((block = cache::allocate_block(size)) == nullptr)
      std::this_thread::sleep_for(milliseconds(10));
    return block;
  }
  /// Blocks of one size until there are none left.
  static std::vector<std::byte*> take_all(size_t size) {
    std::vector<std::byte*> blocks;
    while (std::byte* const block = cache::allocate_block(size)) blocks.push_back(block);
    return blocks;
  }
};

TEST_F(NoMoreMemory, IsAskedForAndRefused) {
  const cache::Taken before = cache::taken();
  EXPECT_EQ(cache::map_pages(cache::kLargePage), nullptr);
  EXPECT_EQ(cache::taken().ordinary, before.ordinary);
  cache::ask_before_taking(nullptr);
  std::byte* const pages = cache::map_pages(1);
  EXPECT_EQ(cache::taken().ordinary, before.ordinary + cache::kLargePage);
  cache::unmap_pages(pages, 1);
}

TEST_F(NoMoreMemory, MakesBlocksRunOutAndMemoryCountAsShortForAWhile) {
  const std::vector<std::byte*> blocks = take_all(1000);
  const base::Time now = base::Clock::now();
  EXPECT_TRUE(cache::memory_is_short(now));
  EXPECT_FALSE(cache::memory_is_short(now + seconds(11)));
  for (std::byte* const block : blocks) cache::free_block(block, 1000);
}

TEST_F(NoMoreMemory, LetsABlockThatIsFreeBeTaken) {
  std::byte* const block = granted_block(600);
  cache::ask_before_taking([](size_t) { return false; });
  const std::vector<std::byte*> rest = take_all(600);
  cache::free_block(block, 600);
  EXPECT_EQ(cache::allocate_block(600), block);
  cache::free_block(block, 600);
  for (std::byte* const one : rest) cache::free_block(one, 600);
}

TEST_F(NoMoreMemory, LetsAnEntryGoForEachThatComes) {
  cache::free_block(granted_block(100), 100);  // So that entries of that size have room.
  cache::Readers readers{1};
  cache::Reclaim reclaim{readers};
  cache::Cache cache("main", 8);  // One bucket.
  const auto insert = [&](unsigned number) {
    cache.insert(tests::question(number), tests::made_entry(tests::question(number)),
                 base::Clock::now(), reclaim);
  };
  for (unsigned i = 0; i < 4; ++i) insert(i);
  cache::Entry* const in_hand = tests::made_entry(tests::question(4));
  cache::ask_before_taking([](size_t) { return false; });
  for (std::byte* const block : take_all(100)) cache::free_block(block, 100);
  const uint64_t before = cache.counters().entries.load();
  EXPECT_GT(before, 0u);
  cache.insert(tests::question(4), in_hand, base::Clock::now(), reclaim);
  EXPECT_EQ(cache.counters().entries.load(), before);
}

}  // namespace
