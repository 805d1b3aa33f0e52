// Replies on their way out of one port: gathered during a turn, handed over in bursts, counted only
// once the port has taken them.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>

#include "dataplane/base/clock.h"
#include "dataplane/poll/counters.h"

namespace poll {

class Transmit {
 public:
  static constexpr unsigned kBurst = 64;

  /// Takes ownership of `reply`. `received`: when its query came in.
  void add(rte_mbuf* reply, Outcome outcome, base::Time received) {
    mbufs_[count_] = reply;
    about_[count_] = {outcome, received};
    ++count_;
  }
  [[nodiscard]] bool full() const { return count_ == kBurst; }
  [[nodiscard]] bool empty() const { return count_ == 0; }

  /// Sends what was gathered. What the port still refuses after a few tries is freed and counted.
  void flush(uint16_t port, uint16_t queue, CoreCounters::PerPort& port_counters,
             CoreCounters& counters);

 private:
  struct About {
    Outcome outcome{};
    base::Time received;
  };

  std::array<rte_mbuf*, kBurst> mbufs_{};
  std::array<About, kBurst> about_{};
  unsigned count_ = 0;
};

}  // namespace poll
