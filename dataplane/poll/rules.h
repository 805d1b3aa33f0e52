// What every poll core goes by: the policy, the ports, and what usual queries to each port look
// like under them. Immutable; a reload publishes another one, and so does a port that goes or comes
// back. Each core takes it up at the start of a turn.
#pragma once

#include <rte_mempool.h>

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/poll/frame.h"
#include "dataplane/poll/shape.h"
#include "dataplane/rules/policy.h"

namespace poll {

/// A port as the cores reach it.
struct PortAccess {
  bool open = true;  // If not, there is no device behind it: the rest must not be touched.
  uint16_t id = 0;   // DPDK's number.
  std::vector<rte_mempool*> pools;  // By queue.
  Acceptance acceptance;
};

struct Rules {
  /// `all`: the ports in the order of the configuration.
  Rules(rules::Policy clients, std::vector<PortAccess> all)
      : policy(std::move(clients)), ports(std::move(all)) {
    for (const PortAccess& port : ports) shapes.push_back(shapes_of(policy, port.acceptance));
  }
  Rules(const Rules&) = delete;  // Shapes point into the policy.
  Rules& operator=(const Rules&) = delete;

  const rules::Policy policy;
  const std::vector<PortAccess> ports;
  std::vector<std::vector<Shape>> shapes;  // By port.
};

/// The rules in force. The thread that replaces them keeps the old ones until every reader has
/// passed a quiescent point (cache::Readers).
using PublishedRules = std::atomic<const Rules*>;

}  // namespace poll
