// What becomes of a burst of received frames: answered in place, parked behind a Miss, handed to
// the kernel, or dropped for a reason.
#pragma once

#include <rte_mbuf.h>

#include <span>

#include "dataplane/poll/lcore_state.h"

namespace poll {

/// Takes over `frames`, at most kReceiveBurst of them, as they came from `queue`; each is owned by
/// `queue.transmit` or freed afterwards. Replies wait in `queue.transmit`, Misses are in their
/// rings, with their workers to be woken by `self.handler`. `self.begin` was called in this turn.
void serve(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames);

/// The same without the fast path: what that is measured against, octet by octet.
void serve_slowly(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames);

}  // namespace poll
