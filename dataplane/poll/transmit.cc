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
  unsigned to_count = sent;
  for (unsigned i = 0; i < run_count_ && to_count > 0; ++i) {
    const Run& run = runs_[i];
    const unsigned replies = std::min(run.replies, to_count);
    counters.replies[run.outcome].add(replies);
    counters.reply_duration[static_cast<size_t>(run.outcome)].record(now - run.received, replies);
    to_count -= replies;
  }
  if (sent < count_) {
    counters.dropped[Drop::TransmitFull].add(count_ - sent);
    rte_pktmbuf_free_bulk(&mbufs_[sent], count_ - sent);
  }
  count_ = 0;
  run_count_ = 0;
}

}  // namespace poll
