#include "dataplane/cache/pages.h"

#include <sys/mman.h>

#include <atomic>

namespace cache {
namespace {

std::atomic<LargePages> large_pages{LargePages::Auto};

constexpr size_t rounded(size_t size) { return (size + kLargePage - 1) / kLargePage * kLargePage; }

std::byte* map(size_t size, int flags) {
  void* mapped =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
}

/// Cuts an aligned piece of `size` out of a mapping that is one large page longer.
std::byte* map_aligned(size_t size) {
  std::byte* mapped = map(size + kLargePage, 0);
  if (mapped == nullptr) return nullptr;
  const size_t misplaced = reinterpret_cast<uintptr_t>(mapped) % kLargePage;
  const size_t before = misplaced == 0 ? 0 : kLargePage - misplaced;
  if (before > 0) munmap(mapped, before);
  munmap(mapped + before + size, kLargePage - before);
  return mapped + before;
}

}  // namespace

void use_large_pages(LargePages which) { large_pages = which; }

std::byte* map_pages(size_t size) {
  const size_t whole = rounded(size);
  const bool large = large_pages == LargePages::Auto;
  if (large) {
    // Reserved pages; there are none unless the operator set them aside, and then not always
    // enough.
    if (std::byte* pages = map(whole, MAP_HUGETLB)) return pages;
  }
  std::byte* pages = map_aligned(whole);
  // Advice: a kernel that has no large page to give gives small ones.
  if (pages != nullptr && large) (void)madvise(pages, whole, MADV_HUGEPAGE);
  return pages;
}

void unmap_pages(std::byte* pages, size_t size) {
  if (pages != nullptr) munmap(pages, rounded(size));
}

}  // namespace cache
