#include "dataplane/rules/domain_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "dataplane/base/assert.h"

namespace rules {
namespace {

/// Without a secret: what is in the table is the operator's choice, and a name that is not finds an
/// empty slot as soon as any other.
uint64_t hash_of(dns::ByteView octets) { return XXH3_64bits(octets.data(), octets.size()); }

/// Whether a label of `name` begins at `place`: the octets of a domain may also stand in the middle
/// of a label.
bool label_begins_at(dns::ByteView name, size_t place) {
  dns::Reader reader(name);
  while (reader.ok() && reader.position() < place) reader.skip(reader.u8());
  return reader.ok() && reader.position() == place;
}

}  // namespace

DomainTable::DomainTable(std::vector<dns::Name> domains)
    : domains_(std::move(domains)), slots_(std::bit_ceil(domains_.size() * 2 + 1)) {
  for (uint32_t i = 0; i < domains_.size(); ++i) {
    const dns::ByteView domain = domains_[i].wire();
    ASSERT(domain.size() > 1);
    sizes_.push_back(static_cast<uint8_t>(domain.size()));
    const uint64_t hash = hash_of(domain);
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at].place != kNone) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {hash, i};
  }
  std::ranges::sort(sizes_, std::greater());
  sizes_.erase(std::unique(sizes_.begin(), sizes_.end()), sizes_.end());
}

std::optional<uint32_t> DomainTable::find(dns::ByteView name) const {
  for (const size_t size : sizes_) {
    if (size > name.size()) continue;
    const uint32_t place = lookup(name.last(size));
    if (place != kNone && label_begins_at(name, name.size() - size)) return place;
  }
  return std::nullopt;
}

uint32_t DomainTable::lookup(dns::ByteView octets) const {
  const uint64_t hash = hash_of(octets);
  for (size_t at = hash & (slots_.size() - 1); slots_[at].place != kNone;
       at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.hash == hash && std::ranges::equal(domains_[slot.place].wire(), octets))
      return slot.place;
  }
  return kNone;
}

}  // namespace rules
