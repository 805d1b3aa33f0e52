// Replies on their way out of one port: gathered during a turn, handed over in bursts, counted only
// once the port has taken them.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "dataplane/base/clock.h"
#include "dataplane/poll/counters.h"

namespace poll {

class Transmit {
 public:
  static constexpr unsigned kSendBurst = 64;  // Frames that are sent at once.

  /// Takes ownership of `replies`, for which there is room. `received`: when their queries came in.
  void add(std::span<rte_mbuf* const> replies, Outcome outcome, base::Time received) {
    std::copy(replies.begin(), replies.end(), &mbufs_[count_]);
    count_ += static_cast<unsigned>(replies.size());
    Run& last = runs_[run_count_ > 0 ? run_count_ - 1 : 0];
    if (run_count_ > 0 && last.outcome == outcome && last.received == received) {
      last.replies += static_cast<unsigned>(replies.size());
    } else {
      runs_[run_count_++] = {outcome, received, static_cast<unsigned>(replies.size())};
    }
  }
  [[nodiscard]] unsigned room() const { return kSendBurst - count_; }

  /// Sends what was gathered. What the port still refuses after a few tries is freed and counted.
  void flush(uint16_t port, uint16_t queue, CoreCounters::PerPort& port_counters,
             CoreCounters& counters);

 private:
  /// Replies in a row of which the same is to be counted.
  struct Run {
    Outcome outcome{};
    base::Time received;
    unsigned replies = 0;
  };

  std::array<rte_mbuf*, kSendBurst> mbufs_{};
  std::array<Run, kSendBurst> runs_{};
  unsigned count_ = 0;
  unsigned run_count_ = 0;
};

}  // namespace poll
