#include "dataplane/cache/pages.h"

#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
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

// Asked before memory is taken that was not reserved.
std::atomic<MayTake> may_take{nullptr};

std::atomic<uint64_t> reserved_octets{0};
std::atomic<uint64_t> ordinary_octets{0};

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

/// Has all of it there. It was tried at the start whether it can lie where it is to; a page that
/// does not all the same is a page somewhere else.
std::byte* settled(std::byte* pages, size_t whole) {
  if (pages == nullptr) return nullptr;
  if (const uint64_t nodes = wanted_nodes; nodes != 0) (void)place(pages, whole, nodes);
  if (populate(pages, whole)) return pages;
  munmap(pages, whole);
  return nullptr;
}

/// Pages that the operator set aside, of our size whatever the kernel's default is: of 1 GiB each
/// piece would take a whole one. There may be none left, and a cgroup may not let us have those
/// that there are.
std::byte* map_reserved(size_t whole) {
  std::byte* const pages = settled(map(whole, MAP_HUGETLB | MAP_HUGE_2MB), whole);
  if (pages != nullptr) reserved_octets += whole;
  return pages;
}

std::byte* map_ordinary(size_t whole, LargePages which) {
  const MayTake ask = may_take;
  if (ask != nullptr && !ask(whole)) return nullptr;
  std::byte* pages = map_aligned(whole);
  // Advice: a kernel that has no large page to give gives small ones.
  if (pages != nullptr && which == LargePages::Auto) (void)madvise(pages, whole, MADV_HUGEPAGE);
  pages = settled(pages, whole);
  if (pages != nullptr) ordinary_octets += whole;
  return pages;
}

}  // namespace

bool populate(std::byte* pages, size_t size) {
  if (madvise(pages, size, MADV_POPULATE_WRITE) == 0) return true;
  return errno == EINVAL && populate_by_writing(pages, size);
}

bool populate_by_writing(std::byte* pages, size_t size) {
  const auto step = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (size_t at = 0; at < size; at += step) {
    auto* const time = reinterpret_cast<timespec*>(pages + at);
    // As a system call: the vDSO would write to it from here.
    if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, time) != 0) return false;
    *time = {};
  }
  return true;
}

void ask_before_taking(MayTake ask) { may_take = ask; }

Taken taken() { return {.reserved = reserved_octets, .ordinary = ordinary_octets}; }

void use_large_pages(LargePages which) { large_pages = which; }

base::Result<void, std::string> use_nodes(std::span<const unsigned> nodes) {
  uint64_t mask = 0;
  for (const unsigned node : nodes) {
    if (node < kMostNodes) mask |= uint64_t{1} << node;
  }
  if (mask != 0) {
    std::byte* const trial = map_aligned(kLargePage);
    const int error = trial == nullptr ? ENOMEM : place(trial, kLargePage, mask);
    if (trial != nullptr) munmap(trial, kLargePage);
    if (error != 0) return base::fail(std::system_category().message(error));
  }
  wanted_nodes = mask;
  return {};
}

std::byte* map_pages(size_t size) {
  const size_t whole = rounded(size);
  const LargePages which = large_pages;
  std::byte* const pages = which == LargePages::Auto ? map_reserved(whole) : nullptr;
  return pages != nullptr ? pages : map_ordinary(whole, which);
}

void unmap_pages(std::byte* pages, size_t size) {
  if (pages != nullptr) munmap(pages, rounded(size));
}

}  // namespace cache
