// Whether this process serves, put together from what is known of its parts. The one place where a
// 503 of /healthz comes from: a part that knows of a trouble says it as a Finding, and what kind it
// is decides what it does to the verdict. A pure function of those.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace control {

/// What a trouble keeps from working, the gravest first: in this order they are told.
enum class Trouble : uint8_t {
  ThreadStands,      // A thread that serves, or the one that watches over them, does not move.
  PortDoesNotServe,  // A port from which no packets come or over which none leave.
  NoAnswers,         // What is not cached cannot be answered.
  PartIsOff,         // Something configured is not in effect; all else is served.
  MostIsDropped,     // Most queries are dropped before they are looked at, for a reason we know.
  LogIsStuck,        // The log is not read. Clients lack nothing.
};

/// Whether clients that come here would do better elsewhere, so that /healthz says 503 and we are
/// no longer announced.
[[nodiscard]] constexpr bool is_grave(Trouble trouble) { return trouble <= Trouble::NoAnswers; }

struct Finding {
  Trouble trouble{};
  std::string text;  // What and why, in a line: "port af_xdp:d0: the interface is gone".
};

struct HealthReport {
  std::vector<std::string> reasons;  // Why not healthy; none: healthy.
  std::vector<std::string> notes;    // What is wrong besides, and leaves us healthy.

  [[nodiscard]] bool is_healthy() const { return reasons.empty(); }
  /// All reasons in one line; empty if there are none.
  [[nodiscard]] std::string why() const;
};

/// Findings of one trouble stay in the order they have.
[[nodiscard]] HealthReport verdict_on(std::vector<Finding> findings);

}  // namespace control
