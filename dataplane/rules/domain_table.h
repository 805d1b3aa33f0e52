// Domains, and which of them a name is in.
//
// A hash table of domains, and the sizes that they have: of a name, the last so many octets are
// looked up, for each size, the largest first. So the work is bounded by the operator's domains and
// not by what clients ask, and no label is looked at until the octets of a domain agree.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/dns/name.h"

namespace rules {

class DomainTable {
 public:
  DomainTable() = default;
  /// None of them the root, no two the same.
  explicit DomainTable(std::vector<dns::Name> domains);

  [[nodiscard]] bool empty() const { return domains_.empty(); }
  /// The longest domain that `name` is in or at, as its place among those given: a lower-cased name
  /// in wire form, of at most 255 octets. What is malformed finds anything or nothing, and reads
  /// nothing behind its end. RFC 1034 §3.1: what is below is decided by whole labels.
  [[nodiscard]] std::optional<uint32_t> find(dns::ByteView name) const;
  [[nodiscard]] const dns::Name& domain(uint32_t place) const { return domains_[place]; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Slot {
    uint64_t hash = 0;
    uint32_t place = kNone;  // Index in `domains_`.
  };
  [[nodiscard]] uint32_t lookup(dns::ByteView octets) const;

  std::vector<dns::Name> domains_;
  std::vector<Slot> slots_;     // A power of two, at least half of them empty.
  std::vector<uint8_t> sizes_;  // In octets, that some domain has; each once, the largest first.
};

}  // namespace rules
