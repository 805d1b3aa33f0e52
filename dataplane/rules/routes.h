// Questions that go elsewhere than the address they came to would send them: by the domain that
// they are in (split horizon).
//
// A hash table of domains, and the sizes that they have: of a name, the last so many octets are
// looked up, for each size, the largest first. So the work is bounded by the operator's domains and
// not by what clients ask, and no label is looked at until the octets of a domain agree.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/cache/cache.h"
#include "dataplane/dns/name.h"
#include "dataplane/dns/question.h"

namespace rules {

/// Who answers a question, and where the answers are kept.
struct Destination {
  dns::PoolId pool{};
  const cache::Cache* cache = nullptr;  // nullptr: every query is a miss.
  uint16_t cache_index = 0;             // Of CoreCounters::caches.
};

/// Names at and below `domain`.
struct Route {
  dns::Name domain;  // Not the root.
  Destination to;
};

class Routes {
 public:
  Routes() = default;
  /// No two of the same domain.
  explicit Routes(std::vector<Route> routes);

  [[nodiscard]] bool empty() const { return sizes_.empty(); }
  /// Where questions for `name` go: a lower-cased name in wire form, of at most 255 octets; nullptr
  /// if it is in none of the domains. What is malformed finds anything or nothing, and reads
  /// nothing behind its end. RFC 1034 §3.1: what is below is decided by whole labels.
  [[nodiscard]] const Destination* find(dns::ByteView name) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Slot {
    uint64_t hash = 0;
    uint32_t route = kNone;  // Index in `routes_`.
  };
  [[nodiscard]] const Destination* lookup(dns::ByteView octets) const;

  std::vector<Route> routes_;
  std::vector<Slot> slots_;     // A power of two, at least half of them empty.
  std::vector<uint8_t> sizes_;  // In octets, that some domain has; each once, the largest first.
};

}  // namespace rules
