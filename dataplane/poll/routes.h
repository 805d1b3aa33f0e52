// Questions that go elsewhere than the address they came to would send them: by the domain that
// they are in (split horizon).
//
// A hash table of domains, and which numbers of labels they have: a name is looked up under as many
// of its own suffixes as there are such numbers, the longest first, so the work is bounded by the
// operator's domains and not by what clients ask.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/cache/cache.h"
#include "dataplane/dns/name.h"
#include "dataplane/dns/question.h"

namespace poll {

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
  /// No two of the same domain. After the hash secret was drawn.
  explicit Routes(std::vector<Route> routes);

  [[nodiscard]] bool empty() const { return deepest_ == 0; }
  /// Where questions for `name` go: a lower-cased name in wire form, of at most 255 octets; nullptr
  /// if it is in none of the domains. What is malformed finds anything or nothing, and reads
  /// nothing behind its end. RFC 1034 §3.1: what is below is decided by whole labels.
  [[nodiscard]] const Destination* find(dns::ByteView name) const;

 private:
  static constexpr size_t kMaxLabels = 127;  // That many fit into 255 octets with the root.
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Slot {
    uint64_t hash = 0;
    uint32_t route = kNone;  // Index in `routes_`.
  };
  [[nodiscard]] const Destination* lookup(dns::ByteView domain) const;

  std::vector<Route> routes_;
  std::vector<Slot> slots_;             // A power of two, at least half of them empty.
  std::bitset<kMaxLabels + 1> depths_;  // Numbers of labels that some domain has.
  size_t deepest_ = 0;
};

}  // namespace poll
