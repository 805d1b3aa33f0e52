// Memory for the cache by large pages. A lookup in a table of millions touches a page at random for
// the bucket and another for the entry; with pages of 4 KiB both would miss the TLB, and each walk
// costs as much as the answer.
//
// On a machine with several NUMA nodes it lies on those of the cores that read it.
//
// What is given is there: each page has been written to. A kernel promises more than it has, and a
// cgroup's limit counts when a page is touched; found out then, it would be a signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "dataplane/base/result.h"

namespace cache {

inline constexpr size_t kLargePage = size_t{2} << 20;

/// Whether large pages are asked for: reserved ones first, then the kernel's transparent ones. Set
/// once at start, before the first cache is made.
enum class LargePages : unsigned char { Auto, Off };
void use_large_pages(LargePages which);

/// Which NUMA nodes the memory is taken from. With one, all of it while that node has any; with
/// several, large page by large page in turn. Set once at start, before the first cache is made;
/// none, as at first: wherever the thread runs that touches a page first. Fails with the kernel's
/// reason, and then leaves it at that.
base::Result<void, std::string> use_nodes(std::span<const unsigned> nodes);

/// Asked before memory is taken that was not reserved for us: whether so many octets can be spared.
/// Set once at start; by any thread that inserts.
using MayTake = bool (*)(size_t octets);
void ask_before_taking(MayTake ask);

/// Has every page of what was just mapped there. False if one is not to be had; the others may be
/// there.
[[nodiscard]] bool populate(std::byte* pages, size_t size);

/// What it does with kernels before 5.14: these write to the first octets of each page when told
/// to, and say so where they cannot have the page, and it would be a signal if we did it.
[[nodiscard]] bool populate_by_writing(std::byte* pages, size_t size);

/// `size` rounded up to whole large pages, zeroed, aligned to one; nullptr when memory is out.
[[nodiscard]] std::byte* map_pages(size_t size);
/// `size` as given to `map_pages`.
void unmap_pages(std::byte* pages, size_t size);

/// Octets that `map_pages` has given since the start, from hugepages and from elsewhere. What was
/// given back is in them.
struct Taken {
  uint64_t reserved = 0;
  uint64_t ordinary = 0;
};
[[nodiscard]] Taken taken();

}  // namespace cache
