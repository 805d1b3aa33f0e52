// What a client is told from an entry of the cache, or in the place of one, and what that is
// called: the same for whatever transport it asks over.
#pragma once

#include "dataplane/base/clock.h"
#include "dataplane/cache/entry.h"
#include "dataplane/rules/outcome.h"
#include "dataplane/rules/routes.h"

namespace rules {

/// Borrows from the entry.
struct Response {
  dns::Content content;
  Outcome outcome{};
};

/// `entry` was found in the cache.
[[nodiscard]] Response respond_from(const cache::Entry& entry, base::Time now);
/// `entry` came with a Fill.
[[nodiscard]] Response respond_to_fill(const cache::Entry& entry, base::Time now);
/// The Fill came without an entry: a failure, or a name that is known to be missing.
[[nodiscard]] Response respond_without_entry(dns::Rcode rcode, dns::Ede ede);
/// `question` could not even be put to a worker: an answer whose time is over, if the cache has one
/// that may be told (RFC 8767), or SERVFAIL. For readers of the cache, as `find`.
[[nodiscard]] Response respond_unasked(const Destination& to, const dns::Question& question,
                                       base::Time now);

}  // namespace rules
