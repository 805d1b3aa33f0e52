#include "tls-workers/questions/domain_quota.h"

#include <array>

#include "dataplane/base/assert.h"
#include "dataplane/base/keyed_hash.h"

namespace questions {
namespace {

/// The names of the last three and of the last two labels; of a shorter name, all of it.
struct Suffixes {
  base::ByteView three;
  base::ByteView two;
};

Suffixes suffixes_of(base::ByteView name) {
  std::array<size_t, 3> starts{};  // Of the last three labels, oldest first.
  size_t at = 0;
  while (at < name.size() && name[at] != std::byte{0}) {
    starts = {starts[1], starts[2], at};
    at += 1 + static_cast<size_t>(name[at]);
  }
  return {name.subspan(starts[0]), name.subspan(starts[1])};
}

}  // namespace

DomainQuota::Place DomainQuota::enter(const dns::Question& question) {
  const auto tag = static_cast<uint64_t>(question.pool);
  const Suffixes suffixes = suffixes_of(question.name.wire());
  Place place{.narrow = static_cast<uint16_t>(base::keyed_hash(suffixes.three, tag)),
              .wide = static_cast<uint16_t>(base::keyed_hash(suffixes.two, tag))};
  place.in_wide = place.narrow != place.wide && counts_[place.narrow] < kFairNarrow;
  ++counts_[place.narrow];
  if (place.in_wide) ++counts_[place.wide];
  return place;
}

void DomainQuota::leave(const Place& place) {
  ASSERT(counts_[place.narrow] > 0 && (!place.in_wide || counts_[place.wide] > 0));
  --counts_[place.narrow];
  if (place.in_wide) --counts_[place.wide];
}

}  // namespace questions
