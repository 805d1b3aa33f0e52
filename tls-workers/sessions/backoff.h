// How long to leave a failing backend alone: 100 ms, doubling to 10 s, each ±25 % so that workers
// and forwarders do not come back in step. The first answer forgets it all.
#pragma once

#include <cstdint>

#include "dataplane/base/clock.h"

namespace sessions {

class Backoff {
 public:
  explicit Backoff(uint64_t seed) : random_(seed | 1) {}

  /// Another failure. Those that come while the pause lasts belong to the same event and do not
  /// lengthen it.
  void failed(base::Time now);
  /// A failure that says nothing about the next one: a pause of the shortest kind.
  void pause(base::Time now) {
    if (!pausing(now)) until_ = now + jittered(kFirst);
  }
  void answered() { failures_ = 0, until_ = base::Time{}; }

  [[nodiscard]] bool pausing(base::Time now) const { return now < until_; }
  [[nodiscard]] base::Time until() const { return until_; }

  static constexpr base::milliseconds kFirst{100};
  static constexpr base::milliseconds kLongest{10'000};

 private:
  /// 0.75 to 1.25, in steps of 1/1024.
  [[nodiscard]] base::Duration jittered(base::Duration pause);

  uint64_t random_;
  unsigned failures_ = 0;
  base::Time until_{};
};

}  // namespace sessions
