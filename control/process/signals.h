// Signals as something to wait for. Blocked before the first thread is made, so that none is ever
// interrupted by one.
#pragma once

#include <array>
#include <optional>

#include "dataplane/base/clock.h"

namespace control {

class Signals {
 public:
  /// Blocks SIGTERM, SIGINT and SIGHUP for this thread and those it makes from now on, and ignores
  /// SIGPIPE: a peer that hangs up is an error of the call that finds it.
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// The next signal's number, or nothing after `patience`, or as soon as one of two descriptors
  /// can be read; -1 is none.
  [[nodiscard]] std::optional<int> wait(base::Duration patience, std::array<int, 2> others);

 private:
  int descriptor_;
};

}  // namespace control
