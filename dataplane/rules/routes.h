// Questions that go elsewhere than the address they came to would send them: by the domain that
// they are in (split horizon).
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/cache/cache.h"
#include "dataplane/dns/question.h"
#include "dataplane/rules/domain_table.h"

namespace rules {

/// Which pool answers a question, and where the answers are kept.
struct Destination {
  dns::PoolId pool{};
  const cache::Cache* cache = nullptr;  // nullptr: every query is a miss.
  uint16_t cache_index = 0;             // Of ClientCounters::caches.
  cache::Staleness staleness{};
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
  explicit Routes(const std::vector<Route>& routes);

  [[nodiscard]] bool empty() const { return domains_.empty(); }
  /// Where questions for `name` go, as DomainTable::find has it; nullptr if it is in none of the
  /// domains.
  [[nodiscard]] const Destination* find(dns::ByteView name) const {
    const auto place = domains_.find(name);
    return place ? &destinations_[*place] : nullptr;
  }
  /// Octets of the domain that `name` is in; 0: in none.
  [[nodiscard]] size_t depth(dns::ByteView name) const {
    const auto place = domains_.find(name);
    return place ? domains_.domain(*place).size() : 0;
  }

 private:
  DomainTable domains_;
  std::vector<Destination> destinations_;
};

}  // namespace rules
