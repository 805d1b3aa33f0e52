// Which backend gets a question, as a pure function of what a worker knows about each backend of
// the pool: those that can answer at once come first, and among those the pool's policy (policy.h)
// ranks.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/base/clock.h"

namespace backends {

/// What a backend could do with a question now, best first.
enum class Standing : uint8_t {
  Ready,    // A session has room, and the last one asked did answer.
  OnTrial,  // A session has room, but the backend failed to answer and has not answered since.
  Full,  // Sessions exist; all have as many queries in flight as they may, or the budget is spent.
  Closed,   // No session, no reason known why none could be opened.
  Failing,  // No session, the last attempt failed, the next one may be made (or is being made) now.
  Down,     // No session, and none is tried before the end of the back-off.
};

/// What a policy makes of a backend for one question: lower is better, the fields in this order.
struct Rank {
  bool over_share = false;  // It carries more than its share of the load.
  double score = 0;
  uint32_t order = 0;
  base::Duration latency{};
  uint32_t backend = 0;  // So that no two are equal.
  friend auto operator<=>(const Rank&, const Rank&) = default;
};

struct Candidate {
  uint32_t backend = 0;  // Index in the worker's settings.
  Standing standing = Standing::Closed;
  uint32_t outstanding = 0;  // Queries in flight ...
  uint32_t capacity = 0;     // ... of so many that its sessions take.
  uint32_t order = 1;
  uint32_t weight = 1;
  uint64_t identity = 0;        // Of its name; see identity_of.
  base::Duration latency{};     // Smoothed; zero before the first answer.
  base::Duration p95{};         // The same for what one answer in twenty exceeds.
  base::Time retry_at{};        // When `Down` ends.
  bool opening = false;         // A session is being opened.
  bool full_for_others = true;  // Full is so not only since the question in hand is asked there.
  bool spent = false;           // It is not to be asked for the question in hand, ...
  unsigned in_vain = 0;         // ... for which it has been asked so often already.
  Rank rank{};                  // Of the question in hand.
};

/// The best by (standing, asked in vain, rank) of those that are Ready or OnTrial: quick failures
/// are tried again before a client waits for a silent backend. Never `avoid`, nor one that is
/// spent. Returns an index into `candidates`.
[[nodiscard]] std::optional<size_t> choose(std::span<const Candidate> candidates,
                                           std::optional<uint32_t> avoid);

/// The candidate without a session that is best to open one with, by the same rule: Closed before
/// Failing. Skips those that are opening already, `Down`, or spent.
[[nodiscard]] std::optional<size_t> choose_to_open(std::span<const Candidate> candidates);

/// Whether `candidate` has a session that would take another query.
[[nodiscard]] inline bool has_room(const Candidate& candidate) {
  return candidate.standing == Standing::Ready || candidate.standing == Standing::OnTrial;
}

/// Whether it may have room for another question than the one in hand.
[[nodiscard]] inline bool may_take_others(const Candidate& candidate) {
  return has_room(candidate) ||
         (candidate.standing == Standing::Full && !candidate.full_for_others);
}

/// Whether the policy would rather have `a` than `b`, whatever their standing.
[[nodiscard]] inline bool preferred(const Candidate& a, const Candidate& b) {
  return a.rank < b.rank;
}

}  // namespace backends
