// What the operator decided about clients: which addresses answer, from which pool and cache, which
// clients may ask, and how often. Immutable: a reload makes another one (rules.h).
#pragma once

#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/dns/question.h"
#include "dataplane/rules/address_set.h"
#include "dataplane/rules/cookies.h"
#include "dataplane/rules/local_names.h"
#include "dataplane/rules/rate_limit.h"
#include "dataplane/rules/routes.h"

namespace rules {

/// One address that answers.
struct Bind {
  base::Endpoint address;
  Destination to{};  // Of questions in no domain that has one of its own.
};

struct Policy {
  std::vector<Bind> binds;  // At most kMaxBinds.
  AddressSet acl;
  Routes routes{};  // The same at every bind.
  LocalNames local{};
  Cookies cookies{};
  RateLimit rate_limit{};

  /// nullptr: nothing of ours.
  [[nodiscard]] const Bind* bind_at(const base::Endpoint& address) const {
    for (const Bind& bind : binds) {
      if (bind.address == address) return &bind;
    }
    return nullptr;
  }
  /// Where a question goes that was asked at `bind`. `name`: in wire form, checked, any case.
  [[nodiscard]] const Destination& destination(const Bind& bind, base::ByteView name) const {
    if (routes.empty()) return bind.to;
    const Destination* routed = routes.find(dns::Name(name).wire());
    return routed != nullptr ? *routed : bind.to;
  }
  /// What `question` is told if no backend is to be asked. A pool whose domain is the same or a
  /// longer one has the name instead: the operator has a server for it.
  ///
  /// None of these answers is ever in a cache, so it is enough to look here when there is none.
  [[nodiscard]] std::optional<dns::Content> local_answer(const dns::Question& question) const {
    const dns::ByteView name = question.name.wire();
    std::optional<dns::Content> answer = local.answer(name, question.type);
    if (answer && !routes.empty() && routes.depth(name) >= local.depth(name)) return std::nullopt;
    return answer;
  }
};

}  // namespace rules
