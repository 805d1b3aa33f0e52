// What a status amounts to, in words: whether all is well, and if not, what is wrong.
#pragma once

#include <string>
#include <vector>

#include "control/status/status.h"
#include "control/text/text_table.h"

namespace control {

/// "dotline 1.2.3 is healthy, running for 3 h 12 min"
[[nodiscard]] std::string headline(const Status& status, const TextStyle& style);

struct Problem {
  std::string text;  // A sentence without its full stop.
  Colour colour;     // Bad: clients may be without answers for it. Odd: to be looked after.
};
/// The worst first. What is told by the headline is not told again.
[[nodiscard]] std::vector<Problem> problems_of(const Status& status);

/// "up 3m", "out 12s", "held down 5h": state and since when.
[[nodiscard]] Cell state_of(const Status::Backend& backend, double now);
/// Of `status`, those that need to be looked at before the others.
[[nodiscard]] std::vector<const Status::Backend*> worst_first(const Status& status);
/// "ok 3s": the last health check.
[[nodiscard]] Cell check_of(const Status::Backend& backend, double now);
/// "61d" or "expired".
[[nodiscard]] Cell certificate_of(const Status::Backend& backend, double now);
/// "CPU 1 12.0 %, CPU 2 ...": how busy they are.
[[nodiscard]] std::string busy_cores(const Status& status);
/// A name as it stands in the configuration: "" for the default pool's.
[[nodiscard]] std::string shown_name(const std::string& name);

/// Of certificates that expire sooner one is told.
inline constexpr double kSoonSeconds = 14 * 86'400.0;

}  // namespace control
