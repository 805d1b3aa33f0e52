// What the operator decided about clients: which addresses answer, from which pool and cache, and
// who may ask. Immutable while cores run; each core holds a pointer to it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/cache/cache.h"
#include "dataplane/dns/question.h"

namespace poll {

/// One address that answers.
struct Bind {
  base::Endpoint address;
  dns::PoolId pool{};
  const cache::Cache* cache = nullptr;  // nullptr: every query is a miss.
  uint16_t cache_index = 0;             // Of CoreCounters::caches.
};

/// A set of addresses, kept as sorted, disjoint ranges: membership is one binary search, whatever
/// the list's length.
class AddressSet {
 public:
  AddressSet() = default;
  explicit AddressSet(std::span<const base::Prefix> prefixes);

  [[nodiscard]] bool contains(const base::IpAddress& address) const;

 private:
  struct Range {
    base::IpAddress first;
    base::IpAddress last;
  };
  std::vector<Range> ranges_;
};

struct Policy {
  std::vector<Bind> binds;  // At most kMaxBinds.
  AddressSet acl;

  /// nullptr: nothing of ours.
  [[nodiscard]] const Bind* bind_at(const base::Endpoint& address) const {
    for (const Bind& bind : binds) {
      if (bind.address == address) return &bind;
    }
    return nullptr;
  }
};

}  // namespace poll
