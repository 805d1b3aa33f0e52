// What becomes of a burst of received frames: answered in place, parked behind a Miss, or dropped
// for a reason.
#pragma once

#include <rte_mbuf.h>

#include <span>

#include "dataplane/poll/lcore_state.h"

namespace poll {

/// Takes over `frames`, at most kBurst of them, as they came from `queue`; each is owned by
/// `queue.transmit` or freed afterwards. Replies wait in `queue.transmit`, Misses are in their
/// rings and their workers in `self.workers_to_wake`. Reads `self.now`.
void serve(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames);

/// The same without the hit path: what it is measured against, octet by octet.
void serve_slowly(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames);

/// Who is replied to, beside what is written into the reply.
struct Addressee {
  const Path& path;
  rules::Sender sender;
  uint64_t question;  // The question's hash; 0 where nothing was looked up.
  base::Time received;
};

/// Composes the reply to `asker` into `mbuf`, in which the query may still lie, and hands it to
/// `queue.transmit`; less than that, or nothing, if `to` has had enough (rules/rate_limit.h).
void reply(LcoreState& self, PortQueue& queue, rte_mbuf* mbuf, const Addressee& to,
           const dns::Asker& asker, const dns::Content& content, Outcome outcome);

}  // namespace poll
