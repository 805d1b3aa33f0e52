// What every poll core goes by: the policy, and what usual queries to each port look like under it.
// Immutable; a reload publishes another one, and each core takes it up at the start of a turn.
#pragma once

#include <atomic>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/poll/frame.h"
#include "dataplane/poll/shape.h"
#include "dataplane/rules/policy.h"

namespace poll {

struct Rules {
  /// `ports`: how each port accepts frames, in the order of the configuration.
  Rules(rules::Policy clients, std::span<const Acceptance> ports) : policy(std::move(clients)) {
    for (const Acceptance& acceptance : ports) shapes.push_back(shapes_of(policy, acceptance));
  }
  Rules(const Rules&) = delete;  // Shapes point into the policy.
  Rules& operator=(const Rules&) = delete;

  const rules::Policy policy;
  std::vector<std::vector<Shape>> shapes;  // By port.
};

/// The rules in force. Whoever replaces them keeps the old ones until every reader has passed a
/// quiescent point (cache::Readers).
using PublishedRules = std::atomic<const Rules*>;

}  // namespace poll
