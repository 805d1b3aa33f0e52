// What turns, and how often it had turned when last looked at.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "dataplane/base/counters.h"

namespace control {

class Heartbeat {
 public:
  /// `turns` outlives it.
  Heartbeat(std::string who, const base::Counter& turns) : who_(std::move(who)), turns_(turns) {}

  /// About once a second, one thread.
  void look() {
    const uint64_t turns = turns_.read();
    still_ = turns == seen_ ? still_ + 1 : 0;
    seen_ = turns;
  }
  /// Any thread. A worker with nothing to do may sleep from one look to the next; it does not sleep
  /// through several.
  [[nodiscard]] bool moving() const { return still_ < kLooks; }
  [[nodiscard]] const std::string& who() const { return who_; }

 private:
  static constexpr unsigned kLooks = 5;

  std::string who_;
  const base::Counter& turns_;
  uint64_t seen_ = 0;
  std::atomic<unsigned> still_{0};  // Looks in a row that found it where it was.
};

}  // namespace control
