#include "dataplane/poll/policy.h"

#include <algorithm>

namespace poll {

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
}

bool AddressSet::contains(const base::IpAddress& address) const {
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), address,
      [](const base::IpAddress& a, const Range& range) { return a < range.first; });
  return after != ranges_.begin() && address <= std::prev(after)->last;
}

}  // namespace poll
