// Which questions are due: a timer wheel over their slots, one deadline each, moved and removed at
// no cost that grows with their number. A deadline beyond the wheel's horizon comes due early, and
// the caller sets it again.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/base/clock.h"

namespace questions {

class Deadlines {
 public:
  Deadlines(uint32_t slots, base::Time now);

  /// Sets or moves the deadline of `slot`. It comes due up to one tick late, never early (but see
  /// above).
  void set(uint32_t slot, base::Time deadline);
  void remove(uint32_t slot);
  /// A slot whose deadline has passed, taken off the wheel; nothing when there are no more. Call
  /// until then.
  [[nodiscard]] std::optional<uint32_t> next_due(base::Time now);
  /// When to look again; Time::max() if nothing is set.
  [[nodiscard]] base::Time earliest() const;

  static constexpr base::milliseconds kTick{4};
  static constexpr uint32_t kTicks = 1024;

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  struct Link {
    uint32_t previous = kNone;
    uint32_t next = kNone;
    uint32_t tick = kNone;  // Which list it is in; kNone: not set.
  };

  [[nodiscard]] uint64_t tick_of(base::Time time) const;
  [[nodiscard]] bool is_empty(uint32_t tick) const { return heads_[tick] == kNone; }

  base::Time start_;
  uint64_t current_ = 0;  // Everything due before this tick has been handed out.
  uint32_t count_ = 0;
  std::array<uint32_t, kTicks> heads_;
  std::vector<Link> links_;
};

}  // namespace questions
