// The one place that branches on policy: what becomes of a query. Pure; every rule is a line here.
#pragma once

#include "dataplane/base/result.h"
#include "dataplane/dns/query.h"
#include "dataplane/dns/reply.h"
#include "dataplane/rules/cookies.h"
#include "dataplane/rules/outcome.h"
#include "dataplane/rules/transport.h"

namespace rules {

enum class Action : uint8_t {
  Resolve,  // Look it up; ask a backend if it is not there.
  Reply,    // Say `content` now.
  Drop,     // Say nothing, count `drop`.
};

/// Replies that only tell a client of its own mistake are rationed, so that no sender can make us
/// shout (reflection, loops).
enum class Rationed : uint8_t { No, Yes };

struct Decision {
  Action action = Action::Resolve;
  Drop drop{};
  Outcome outcome{};
  Rationed rationed = Rationed::No;
  dns::Content content{};
};

enum class Admission : uint8_t { Allowed, Denied };  // By the ACL.

[[nodiscard]] Decision decide(const dns::Result<dns::Query, dns::Malformed>& query,
                              Admission admission, Transport transport,
                              CookieRule cookies = CookieRule::NotSpoken) noexcept;

/// What a rationed error says to a query of `query_size` octets: nothing that would make it larger
/// than that.
[[nodiscard]] dns::Content trimmed(const dns::Content& content, const dns::Asker& asker,
                                   size_t query_size) noexcept;

}  // namespace rules
