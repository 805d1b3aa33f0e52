#include "dataplane/rules/address_set.h"

#include <algorithm>
#include <array>

namespace rules {

using base::load_be32;

AddressSet::AddressSet(std::span<const base::Prefix> prefixes) {
  std::vector<Range> ranges;
  ranges.reserve(prefixes.size());
  for (const base::Prefix& prefix : prefixes) ranges.push_back({prefix.network, prefix.last()});
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  for (const Range& range : ranges) {
    // Prefixes nest or are disjoint, so a range that starts inside the one before ends inside it
    // too.
    if (ranges_.empty() || range.first > ranges_.back().last) ranges_.push_back(range);
  }
  make_blocks();
}

void AddressSet::make_blocks() {
  if (ranges_.empty()) return;
  blocks_.resize(2);
  blocks_[kFull].fill(0xFF);
  networks_.resize(size_t{1} << 16, kEmpty);
  for (const Range& range : ranges_) {
    if (range.last.is_v4())
      mark(load_be32(range.first.octets().data()), load_be32(range.last.octets().data()));
  }
}

/// The addresses from `first` to `last`; ranges are disjoint, so a network that is full is not
/// marked again.
void AddressSet::mark(uint32_t first, uint32_t last) {
  for (uint64_t network = first >> 16; network <= last >> 16; ++network) {
    const uint64_t first_octet = network >> 8;
    if (first_octet == 0 || first_octet == 127 || first_octet >= 224) continue;
    const uint64_t start = std::max<uint64_t>(first, network << 16) & 0xFFFF;
    const uint64_t end = std::min<uint64_t>(last, network << 16 | 0xFFFF) & 0xFFFF;
    if (start == 0 && end == 0xFFFF) {
      networks_[network] = kFull;
      continue;
    }
    if (networks_[network] == kEmpty) {
      if (blocks_.size() == kMaxBlocks) return;
      networks_[network] = static_cast<uint16_t>(blocks_.size());
      blocks_.emplace_back();
    }
    Block& block = blocks_[networks_[network]];
    for (uint64_t host = start; host <= end; ++host) {
      block[host / 8] = static_cast<uint8_t>(block[host / 8] | 1U << (host % 8));
    }
  }
}

std::vector<AddressSet::Range>::const_iterator AddressSet::range_after(
    const base::IpAddress& address) const {
  return std::upper_bound(
      ranges_.begin(), ranges_.end(), address,
      [](const base::IpAddress& a, const Range& range) { return a < range.first; });
}

bool AddressSet::contains(const base::IpAddress& address) const {
  const auto after = range_after(address);
  return after != ranges_.begin() && address <= std::prev(after)->last;
}

}  // namespace rules
