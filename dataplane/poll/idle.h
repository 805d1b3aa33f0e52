// What a core does when there is nothing to do: a ladder, so that a burst is met at full speed and
// a quiet machine stays cool.
#pragma once

#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cstdint>

#include "dataplane/cache/reclaim.h"

namespace poll {

enum class Idle : uint8_t { Busy, Pause, Sleep };

class IdleLadder {
 public:
  explicit IdleLadder(Idle mode) : mode_(mode) {}

  /// On the core's own thread, once, before the loop: without it the kernel rounds naps up by 50
  /// µs.
  void settle_in() const {
    if (mode_ == Idle::Sleep) prctl(PR_SET_TIMERSLACK, 1);
  }

  /// After every turn. A reader that naps goes offline first: no writer may have to wait for it.
  void after_turn(bool worked, cache::Readers& readers, unsigned reader) {
    if (worked) {
      empty_turns_ = 0;
      return;
    }
    if (mode_ == Idle::Busy) return;
    empty_turns_ = std::min(empty_turns_ + 1, kLongNapAfter);
    if (empty_turns_ < kPauseAfter) return;
    if (mode_ == Idle::Pause || empty_turns_ < kNapAfter) {
      for (int i = 0; i < kPauses; ++i) rte_pause();
      return;
    }
    readers.offline(reader);
    nap(empty_turns_ < kLongNapAfter ? kShortNap : kLongNap);
    readers.online(reader);
  }

 private:
  static constexpr uint32_t kPauseAfter = 16;  // Turns without work before the first step down ...
  static constexpr uint32_t kNapAfter = 256;   // ... the second ...
  static constexpr uint32_t kLongNapAfter = 512;  // ... and the last.
  static constexpr int kPauses = 8;
  // Nanoseconds: the latency that `sleep` adds at moderate rates, and to the first query after a
  // silence, at the price of 2,000 wake-ups a second.
  static constexpr long kShortNap = 50'000;
  static constexpr long kLongNap = 500'000;

  static void nap(long nanoseconds) {
    const timespec duration{.tv_sec = 0, .tv_nsec = nanoseconds};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr);
  }

  Idle mode_;
  uint32_t empty_turns_ = 0;
};

}  // namespace poll
