// How busy a core was lately: the share of its cycles that went into turns that found something to
// do, from one look to the next.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "dataplane/poll/counters.h"

namespace control {

class CoreLoad {
 public:
  /// `counters` outlive it.
  explicit CoreLoad(const poll::CoreCounters& counters) : counters_(counters) {}

  /// About once a second, one thread.
  void look() {
    const uint64_t cycles = counters_.cycles.read();
    const uint64_t busy = counters_.busy_cycles.read();
    const bool moved = looked_ && cycles > cycles_;
    share_ = moved ? static_cast<double>(busy - busy_) / static_cast<double>(cycles - cycles_)
                   : kUnknown;
    looked_ = true;
    cycles_ = cycles;
    busy_ = busy;
  }
  /// Any thread. 0 to 1; nothing before there were two looks, and of a core that does not turn.
  [[nodiscard]] std::optional<double> busy() const {
    const double share = share_;
    if (share < 0) return std::nullopt;
    // The two counters are written one after the other.
    return share > 1 ? 1 : share;
  }

 private:
  static constexpr double kUnknown = -1;

  const poll::CoreCounters& counters_;
  bool looked_ = false;
  uint64_t cycles_ = 0;
  uint64_t busy_ = 0;
  std::atomic<double> share_{kUnknown};
};

}  // namespace control
