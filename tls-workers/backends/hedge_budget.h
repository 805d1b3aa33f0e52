// How many queries may be sent twice: one for every twenty that are sent at all, so that a resolver
// that gets slow under load gets five per cent more of it, not twice as much.
#pragma once

#include <algorithm>
#include <cstdint>

namespace backends {

class HedgeBudget {
 public:
  void sent() { saved_ = std::min(saved_ + 1, kMost); }
  /// Whether one more may be sent now; if so, it has been paid for.
  [[nodiscard]] bool take() {
    if (saved_ < kPerHedge) return false;
    saved_ -= kPerHedge;
    return true;
  }

  static constexpr uint32_t kPerHedge = 20;
  static constexpr uint32_t kMost = kPerHedge * 50;  // What a quiet hour may save up.

 private:
  uint32_t saved_ = 0;
};

}  // namespace backends
