// Which backend gets a question: leastOutstanding, as a pure function of what a worker knows about
// each backend of the pool.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/base/clock.h"

namespace tls {

/// What a backend could do with a question now, best first.
enum class Standing : uint8_t {
  Ready,    // A session has room, and the last one asked did answer.
  OnTrial,  // A session has room, but the backend failed to answer and has not answered since.
  Full,     // Sessions exist; all have as many queries in flight as they may.
  Closed,   // No session, no reason known why none could be opened.
  Failing,  // No session, the last attempt failed, the next one may be made (or is being made) now.
  Down,     // No session, and none is tried before the end of the back-off.
};

struct Candidate {
  uint32_t backend = 0;  // Index in the worker's settings.
  Standing standing = Standing::Closed;
  uint32_t outstanding = 0;  // Queries in flight.
  uint32_t order = 1;
  base::Duration latency{};  // Smoothed; zero before the first answer.
  base::Duration p95{};      // The same for what one answer in twenty exceeds.
  base::Time retry_at{};     // When `Down` ends.
  bool opening = false;      // A session is being opened.
};

/// The ready candidate with the fewest outstanding queries, then the lowest order, then the lowest
/// latency; if none is Ready, one that is OnTrial by the same rule. Never `avoid`. Returns an index
/// into `candidates`.
[[nodiscard]] std::optional<size_t> choose(std::span<const Candidate> candidates,
                                           std::optional<uint32_t> avoid);

/// The candidate without a session that is best to open one with: Closed before Failing, then by
/// order, then by latency. Skips those that are opening already, `Down`, and `avoid`.
[[nodiscard]] std::optional<size_t> choose_to_open(std::span<const Candidate> candidates,
                                                   std::optional<uint32_t> avoid);

/// Whether `a` comes before `b` in leastOutstanding, whatever their standing.
[[nodiscard]] bool preferred(const Candidate& a, const Candidate& b);

}  // namespace tls
