#include "dataplane/poll/routes.h"

#include <algorithm>
#include <array>
#include <bit>

#include "dataplane/base/assert.h"
#include "dataplane/base/keyed_hash.h"

namespace poll {
namespace {

uint64_t hash_of(dns::ByteView domain) { return base::keyed_hash(domain, 0); }

/// Where the labels of a name begin.
template <size_t kMost>
struct Labels {
  std::array<uint8_t, kMost> starts;
  size_t count = 0;
  size_t end = 0;  // Behind the root. 0: it is no name.

  explicit Labels(dns::ByteView name) {
    dns::Reader reader(name);
    uint8_t length = reader.u8();
    while (length != 0 && count < kMost) {
      starts[count++] = static_cast<uint8_t>(reader.position() - 1);
      reader.skip(length);
      length = reader.u8();
    }
    if (reader.ok() && length == 0) end = reader.position();
  }
};

}  // namespace

Routes::Routes(std::vector<Route> routes)
    : routes_(std::move(routes)), slots_(std::bit_ceil(routes_.size() * 2 + 1)) {
  for (uint32_t i = 0; i < routes_.size(); ++i) {
    const dns::ByteView domain = routes_[i].domain.wire();
    const Labels<kMaxLabels> labels(domain);
    ASSERT(labels.count > 0 && labels.end == domain.size());
    depths_.set(labels.count);
    deepest_ = std::max(deepest_, labels.count);
    const uint64_t hash = hash_of(domain);
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at].route != kNone) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {hash, i};
  }
}

const Destination* Routes::find(dns::ByteView name) const {
  const Labels<kMaxLabels> labels(name);
  if (labels.end == 0) return nullptr;
  for (size_t depth = std::min(labels.count, deepest_); depth > 0; --depth) {
    if (!depths_.test(depth)) continue;
    const size_t start = labels.starts[labels.count - depth];
    const Destination* to = lookup(name.subspan(start, labels.end - start));
    if (to != nullptr) return to;
  }
  return nullptr;
}

const Destination* Routes::lookup(dns::ByteView domain) const {
  const uint64_t hash = hash_of(domain);
  for (size_t at = hash & (slots_.size() - 1); slots_[at].route != kNone;
       at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    const Route& route = routes_[slot.route];
    if (slot.hash == hash && std::ranges::equal(route.domain.wire(), domain)) return &route.to;
  }
  return nullptr;
}

}  // namespace poll
