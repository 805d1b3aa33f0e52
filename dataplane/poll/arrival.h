// A query on its way through the stages of one burst: read, and to be resolved.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/dns/query.h"
#include "dataplane/dns/question.h"
#include "dataplane/dns/reply.h"
#include "dataplane/poll/frame.h"
#include "dataplane/rules/policy.h"

namespace poll {

/// At most this many frames are taken from a queue at once.
inline constexpr uint16_t kBurst = 32;

struct Arrival {
  rte_mbuf* mbuf = nullptr;  // Owned; `query` borrows from it.
  const rules::Destination* to = nullptr;
  Path path;
  dns::Query query;
  dns::Question question;
  rules::Sender sender{};
  rules::ReplyCookie cookie;
  const cache::Entry* probable = nullptr;  // Of its destination's cache; see Cache::probe.

  [[nodiscard]] dns::Asker asker() const {
    return {.head = query.head,
            .question = query.question,
            .edns = query.edns,
            .options = {.cookie = cookie.bytes()}};
  }
};

}  // namespace poll
