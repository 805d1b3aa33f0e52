// That a thread came by not long ago, as others see it. A Heartbeat needs somebody who looks at it
// again and again; this is for the one who looks.
#pragma once

#include <atomic>

#include "dataplane/base/clock.h"

namespace control {

class Pulse {
 public:
  /// About as long as a thread may stand that a Heartbeat is kept of.
  static constexpr base::seconds kPatience{5};

  explicit Pulse(base::Time now) : last_(now) {}

  /// About once a second, one thread.
  void beat(base::Time now) { last_ = now; }
  /// Any thread.
  [[nodiscard]] bool is_felt(base::Time now) const { return now - last_.load() < kPatience; }

 private:
  std::atomic<base::Time> last_;
};

}  // namespace control
