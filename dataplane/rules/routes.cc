#include "dataplane/rules/routes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <functional>

#include "dataplane/base/assert.h"

namespace rules {
namespace {

/// Without a secret: who is in the table is the operator's choice, and a name that is not finds an
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

Routes::Routes(std::vector<Route> routes)
    : routes_(std::move(routes)), slots_(std::bit_ceil(routes_.size() * 2 + 1)) {
  for (uint32_t i = 0; i < routes_.size(); ++i) {
    const dns::ByteView domain = routes_[i].domain.wire();
    ASSERT(domain.size() > 1);
    sizes_.push_back(static_cast<uint8_t>(domain.size()));
    const uint64_t hash = hash_of(domain);
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at].route != kNone) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {hash, i};
  }
  std::ranges::sort(sizes_, std::greater());
  sizes_.erase(std::unique(sizes_.begin(), sizes_.end()), sizes_.end());
}

const Destination* Routes::find(dns::ByteView name) const {
  for (const size_t size : sizes_) {
    if (size > name.size()) continue;
    const Destination* to = lookup(name.last(size));
    if (to != nullptr && label_begins_at(name, name.size() - size)) return to;
  }
  return nullptr;
}

const Destination* Routes::lookup(dns::ByteView octets) const {
  const uint64_t hash = hash_of(octets);
  for (size_t at = hash & (slots_.size() - 1); slots_[at].route != kNone;
       at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.hash != hash) continue;
    const Route& route = routes_[slot.route];
    if (std::ranges::equal(route.domain.wire(), octets)) return &route.to;
  }
  return nullptr;
}

}  // namespace rules
