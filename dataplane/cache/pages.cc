#include "dataplane/cache/pages.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace cache {
namespace {

std::atomic<LargePages> large_pages{LargePages::Auto};
std::atomic<uint64_t> wanted_nodes{0};  // A bit for each.
std::atomic<unsigned> next_node{0};

constexpr unsigned kMostNodes = 64;

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

/// The node whose turn it is, as a mask.
uint64_t one_of(uint64_t nodes) {
  const auto count = static_cast<unsigned>(std::popcount(nodes));
  for (unsigned passed = next_node++ % count; passed > 0; --passed) nodes &= nodes - 1;
  return nodes & -nodes;
}

/// Preferred, not bound: a node that has no large page left would end the process at the first
/// touch. What is but one page takes turns by itself, since the kernel begins with the same node
/// in each mapping.
int place(std::byte* pages, size_t size, uint64_t nodes) {
  const bool interleaved = size > kLargePage && std::popcount(nodes) > 1;
  const uint64_t mask = interleaved ? nodes : one_of(nodes);
  const long done = syscall(SYS_mbind, pages, size, interleaved ? MPOL_INTERLEAVE : MPOL_PREFERRED,
                            &mask, kMostNodes + 1, 0);
  return done == 0 ? 0 : errno;
}

/// What `map_pages` gives, wherever it lies.
std::byte* map_anywhere(size_t whole, LargePages which) {
  if (which == LargePages::Auto) {
    // Reserved pages; there are none unless the operator set them aside, and then not always
    // enough.
    if (std::byte* pages = map(whole, MAP_HUGETLB)) return pages;
  }
  std::byte* pages = map_aligned(whole);
  // Advice: a kernel that has no large page to give gives small ones.
  if (pages != nullptr && which == LargePages::Auto) (void)madvise(pages, whole, MADV_HUGEPAGE);
  return pages;
}

}  // namespace

void use_large_pages(LargePages which) { large_pages = which; }

base::Result<void, std::string> use_nodes(std::span<const unsigned> nodes) {
  uint64_t mask = 0;
  for (const unsigned node : nodes) {
    if (node < kMostNodes) mask |= uint64_t{1} << node;
  }
  if (mask != 0) {
    std::byte* const trial = map_anywhere(kLargePage, LargePages::Off);
    const int error = trial == nullptr ? ENOMEM : place(trial, kLargePage, mask);
    unmap_pages(trial, kLargePage);
    if (error != 0) return base::fail(std::system_category().message(error));
  }
  wanted_nodes = mask;
  return {};
}

std::byte* map_pages(size_t size) {
  const size_t whole = rounded(size);
  std::byte* pages = map_anywhere(whole, large_pages);
  // It was tried at the start; a page that fails all the same is a page somewhere else.
  if (const uint64_t nodes = wanted_nodes; pages != nullptr && nodes != 0)
    (void)place(pages, whole, nodes);
  return pages;
}

void unmap_pages(std::byte* pages, size_t size) {
  if (pages != nullptr) munmap(pages, rounded(size));
}

}  // namespace cache
