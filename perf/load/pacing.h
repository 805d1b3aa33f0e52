// When each query is due. An open loop: the n-th query has its time from the start on, whatever
// became of those before it, so a server that stalls is charged for every query that waits
// meanwhile.
#pragma once

#include <cstdint>

namespace load {

class Pacing {
 public:
  /// Times are TSC cycles. `rate`: queries a second, at least 1; `cycles_per_second` below 2^32.
  Pacing(uint64_t start, uint64_t cycles_per_second, uint64_t rate)
      : start_(start), period_((cycles_per_second << kFraction) / rate) {}

  /// When query `number` is due, counted from 0.
  [[nodiscard]] uint64_t time_of(uint64_t number) const {
    return start_ +
           static_cast<uint64_t>((static_cast<unsigned __int128>(number) * period_) >> kFraction);
  }

 private:
  // A period is cut off below 2^-32 of a cycle: a thousand million queries later that is a quarter
  // of a cycle.
  static constexpr int kFraction = 32;

  uint64_t start_;
  uint64_t period_;
};

}  // namespace load
