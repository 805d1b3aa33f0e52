// What the headers of a usual query to one of our addresses look like: 64 octets, and which bits of
// them are fixed. One comparison tells whether a frame is such a query, as far as its fixed fields
// go.
#pragma once

#include <array>
#include <vector>

#include "dataplane/poll/frame.h"
#include "dataplane/rules/policy.h"

namespace poll {

struct Shape {
  alignas(64) std::array<std::byte, 64> octets{};
  alignas(64) std::array<std::byte, 64> mask{};  // Set bits count.
  const rules::Bind* bind = nullptr;
  bool ipv6 = false;
};

/// One for each bind that has a cache, to be found behind `acceptance`; none where frames are
/// tagged.
[[nodiscard]] std::vector<Shape> shapes_of(const rules::Policy& policy,
                                           const Acceptance& acceptance);

}  // namespace poll
