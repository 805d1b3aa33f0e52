#include "dataplane/poll/transmit.h"

#include <rte_ethdev.h>

namespace poll {
namespace {

// A full ring drains at line rate; a few tries bridge that, more would let a dead link stop the
// core.
constexpr int kTries = 4;

}  // namespace

void Transmit::flush(uint16_t port, uint16_t queue, CoreCounters::PerPort& port_counters,
                     CoreCounters& counters) {
  if (count_ == 0) return;
  unsigned sent = 0;
  for (int tries = 0; tries < kTries && sent < count_; ++tries) {
    sent += rte_eth_tx_burst(port, queue, &mbufs_[sent], static_cast<uint16_t>(count_ - sent));
  }
  port_counters.sent.add(sent);

  const base::Time now = base::Clock::now();
  for (unsigned i = 0; i < sent; ++i) {
    counters.replies[about_[i].outcome].add();
    counters.reply_duration[static_cast<size_t>(about_[i].outcome)].record(now -
                                                                           about_[i].received);
  }
  if (sent < count_) {
    counters.dropped[Drop::TransmitFull].add(count_ - sent);
    rte_pktmbuf_free_bulk(&mbufs_[sent], count_ - sent);
  }
  count_ = 0;
}

}  // namespace poll
