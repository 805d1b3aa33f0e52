#include "dataplane/cache/slabs.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>

#include "dataplane/cache/pages.h"

namespace cache {
namespace {

// An address answer fits in the first (C1 of docs/performance.md), a signed one in the middle, and
// everything that UDP can carry in the last. What is larger is rare and comes from malloc.
constexpr std::array<size_t, 11> kSizes = {128, 192, 256,  320,  384, 512,
                                           640, 832, 1024, 1344, 2048};
static_assert(std::ranges::all_of(kSizes, [](size_t size) { return size % kLine == 0; }));

// After a piece was refused, for how long no other is asked for; and for how long memory counts as
// short. The second is the longer one, so that a shortage that goes on stays one.
constexpr base::Duration kPause = base::seconds{1};
constexpr base::Duration kShortage = base::seconds{10};

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
std::atomic<int64_t> refused_at{kNever};  // Of the clock.

bool refused_within(base::Duration span, base::Time now) {
  const int64_t then = refused_at.load(std::memory_order_relaxed);
  const int64_t at = now.time_since_epoch().count();
  return then <= at && at - then < span.count();
}

// Of each size, beside its pieces; never given back, as those are not.
constexpr size_t kSpare = size_t{256} << 10;

struct FreeBlock {
  FreeBlock* next;
};

/// All blocks of one size. Freed ones are poisoned for AddressSanitizer, but for the link.
class Slab {
 public:
  std::byte* take(size_t size) {
    const std::lock_guard lock(mutex_);
    if (free_ != nullptr) {
      FreeBlock* block = free_;
      free_ = block->next;
      ASAN_UNPOISON_MEMORY_REGION(block, size);
      return reinterpret_cast<std::byte*>(block);
    }
    if (left_ < size && !grow()) return take_spare(size);
    std::byte* block = next_;
    next_ += size;
    left_ -= size;
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    return block;
  }

  void give_back(std::byte* memory, size_t size) {
    const std::lock_guard lock(mutex_);
    free_ = new (memory) FreeBlock{free_};
    ASAN_POISON_MEMORY_REGION(memory + sizeof(FreeBlock), size - sizeof(FreeBlock));
  }

 private:
  bool grow() {
    const base::Time now = base::Clock::now();
    if (refused_within(kPause, now)) return false;
    std::byte* pages = map_pages(kLargePage);
    if (pages == nullptr) {
      refused_at.store(now.time_since_epoch().count(), std::memory_order_relaxed);
      return false;
    }
    ASAN_POISON_MEMORY_REGION(pages, kLargePage);
    next_ = pages;
    left_ = kLargePage;
    return true;
  }

  /// When no more pieces are to be had, each size still gets a few blocks, out of what is left to
  /// others: what answers of one size give up is of no use to those of another.
  std::byte* take_spare(size_t size) {
    if (spare_ < size) return nullptr;
    spare_ -= size;
    return static_cast<std::byte*>(std::aligned_alloc(kLine, size));
  }

  std::mutex mutex_;
  size_t spare_ = kSpare;
  FreeBlock* free_ = nullptr;
  std::byte* next_ = nullptr;  // Of the last page, what was never cut.
  size_t left_ = 0;
};

std::array<Slab, kSizes.size()> slabs;

size_t slab_of(size_t size) {
  return static_cast<size_t>(std::ranges::lower_bound(kSizes, size) - kSizes.begin());
}

}  // namespace

bool memory_is_short(base::Time now) { return refused_within(kShortage, now); }

size_t block_size(size_t size) {
  const size_t slab = slab_of(size);
  return slab < kSizes.size() ? kSizes[slab] : (size + kLine - 1) / kLine * kLine;
}

std::byte* allocate_block(size_t size) {
  const size_t slab = slab_of(size);
  const size_t whole = block_size(size);
  return slab < kSizes.size() ? slabs[slab].take(whole)
                              : static_cast<std::byte*>(std::aligned_alloc(kLine, whole));
}

void free_block(std::byte* block, size_t size) {
  const size_t slab = slab_of(size);
  if (slab < kSizes.size()) {
    slabs[slab].give_back(block, kSizes[slab]);
  } else {
    std::free(block);
  }
}

}  // namespace cache
