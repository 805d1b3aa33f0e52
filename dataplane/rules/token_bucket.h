// A token bucket for replies that no sender should be able to make us send in numbers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/base/clock.h"

namespace rules {

class TokenBucket {
 public:
  struct Limits {
    uint32_t per_second = 100;  // Unbound's figure for error replies.
    uint32_t burst = 1000;      // A test suite or a broken client's first second passes.
  };

  explicit TokenBucket(const Limits& limits) : limits_(limits), tokens_(limits.burst) {}

  [[nodiscard]] bool take(base::Time now) {
    refill(now);
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

 private:
  void refill(base::Time now) {
    const base::Duration per_token{1'000'000'000 / limits_.per_second};
    const auto earned = (now - refilled_) / per_token;
    if (earned <= 0) return;
    refilled_ += earned * per_token;
    tokens_ = static_cast<uint32_t>(std::min<int64_t>(limits_.burst, earned + tokens_));
  }

  Limits limits_;
  uint32_t tokens_;
  base::Time refilled_{};
};

}  // namespace rules
