// How long a backend takes to answer: smoothed, and the 95th percentile, both kept up with one
// sample at a time and a few additions.
#pragma once

#include <algorithm>

#include "dataplane/base/clock.h"

namespace backends {

class Latency {
 public:
  void record(base::Duration sample) {
    if (smoothed_ == base::Duration{}) {
      smoothed_ = sample;
      p95_ = sample * 2;
      return;
    }
    smoothed_ += (sample - smoothed_) / kWeight;
    // A step up is 19 times a step down, so it comes to rest where one sample in twenty is above.
    const base::Duration step = p95_ / kSteps + base::Duration{1};
    p95_ += sample > p95_ ? step * 19 : -step;
    p95_ = std::max(p95_, smoothed_);
  }

  /// Zero before the first sample, both of them.
  [[nodiscard]] base::Duration smoothed() const { return smoothed_; }
  [[nodiscard]] base::Duration p95() const { return p95_; }

 private:
  static constexpr int kWeight = 8;   // Of what is known already; RFC 6298 §2 has the same.
  static constexpr int kSteps = 160;  // A step down is 0.6 %, a step up 12 %.

  base::Duration smoothed_{};
  base::Duration p95_{};
};

}  // namespace backends
