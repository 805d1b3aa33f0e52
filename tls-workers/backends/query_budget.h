// How many queries a second a backend may be sent, over all workers: exact, and one atomic.
//
// A virtual clock instead of tokens: each query moves the time at which the budget would be used up
// by one interval, and is refused if that lies too far ahead (the generic cell rate algorithm of
// ATM's traffic management).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "dataplane/base/clock.h"

namespace backends {

class QueryBudget {
 public:
  /// `per_second`: as in `allow`.
  explicit QueryBudget(uint32_t per_second) { allow(per_second); }
  QueryBudget(const QueryBudget&) = delete;
  QueryBudget& operator=(const QueryBudget&) = delete;

  // Any thread, at any time.

  /// From now on. 0: as many as there are; at most kMost.
  void allow(uint32_t per_second) {
    interval_.store(per_second == 0 ? 0 : kSecond / per_second, std::memory_order_relaxed);
  }

  /// Whether one more may be sent now; if so, it has been counted. `now` may lie behind another
  /// thread's.
  [[nodiscard]] bool take(base::Time now) {
    const base::Duration::rep interval = interval_.load(std::memory_order_relaxed);
    if (interval == 0) return true;
    const base::Duration::rep time = now.time_since_epoch().count();
    const base::Duration::rep latest = time + std::max(kBurst, interval * kBurstAtLeast);
    base::Duration::rep used_until = used_until_.load(std::memory_order_relaxed);
    for (;;) {
      const base::Duration::rep next = std::max(used_until, time) + interval;
      if (next > latest) return false;
      if (used_until_.compare_exchange_weak(used_until, next, std::memory_order_relaxed))
        return true;
    }
  }

  static constexpr uint32_t kMost = 100'000'000;
  /// What may be sent at once after a pause: as much as is due in this time, ...
  static constexpr base::Duration::rep kBurst = base::Duration(base::milliseconds{100}).count();
  /// ... but at least so many queries.
  static constexpr base::Duration::rep kBurstAtLeast = 5;

 private:
  static constexpr base::Duration::rep kSecond = base::Duration(base::seconds{1}).count();

  std::atomic<base::Duration::rep> interval_{0};
  std::atomic<base::Duration::rep> used_until_{0};
};

}  // namespace backends
