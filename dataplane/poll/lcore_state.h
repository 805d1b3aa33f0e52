// Everything one poll core owns. Other threads touch only its rings, its stop flag and, reading,
// its counters.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/exchange/exchange.h"
#include "dataplane/poll/counters.h"
#include "dataplane/poll/exception.h"
#include "dataplane/poll/frame.h"
#include "dataplane/poll/hit_path.h"
#include "dataplane/poll/idle.h"
#include "dataplane/poll/port_edge.h"
#include "dataplane/poll/rules.h"
#include "dataplane/poll/transmit.h"

namespace poll {

/// At most this many frames are taken from a queue at once.
inline constexpr uint16_t kReceiveBurst = 32;

/// One receive and transmit queue of one port, polled by this core alone.
struct PortQueue {
  uint16_t queue = 0;
  uint8_t index = 0;  // The port's place in the configuration, and in CoreCounters::ports.
  // Of the rules in force; LcoreState keeps them up to date.
  bool open = false;
  uint16_t port = 0;  // DPDK's number.
  rte_mempool* pool = nullptr;
  Acceptance acceptance{};
  std::span<const Shape> shapes{};
  Transmit transmit{};
  // Both nullptr if the port has no exception path; the second one also on all queues but 0.
  ToKernel* to_kernel = nullptr;  // One for all queues of this core.
  ExceptionRing* from_kernel = nullptr;
};

struct LcoreSettings {
  unsigned index = 0;  // Among the poll cores; its number as a reader and in the exchange.
  Idle idle = Idle::Sleep;
  handler::PendingLimits pending;
  std::vector<PortQueue> queues;
};

struct LcoreState {
  /// What is borrowed outlives it; rules are published by then.
  LcoreState(LcoreSettings settings, const PublishedRules& rules, exchange::Exchange& lanes,
             cache::Readers& rcu)
      : index(settings.index),
        queues(std::move(settings.queues)),
        exchange(lanes),
        readers(rcu),
        edge(*this),
        handler(edge, {.index = index, .exchange = lanes, .counters = counters}, settings.pending),
        ladder(settings.idle),
        published_(rules) {
    begin(base::Time{});
  }

  /// At the start of a turn, when nothing of an earlier one is held.
  void begin(base::Time time) {
    now = time;
    take_up_rules();
    handler.begin(*policy, now);
  }

  /// One load, unless there are others than before.
  void take_up_rules() {
    const Rules* rules = published_.load(std::memory_order_acquire);
    if (rules == rules_) return;
    rules_ = rules;
    policy = &rules->policy;
    for (PortQueue& queue : queues) {
      const PortAccess& port = rules->ports[queue.index];
      queue.open = port.open;
      queue.port = port.id;
      queue.pool = queue.queue < port.pools.size() ? port.pools[queue.queue] : nullptr;
      queue.acceptance = port.acceptance;
      queue.shapes = rules->shapes[queue.index];
    }
  }

  // From any thread.
  void request_stop() { stop_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool stop_requested() const { return stop_.load(std::memory_order_relaxed); }
  CoreCounters counters;

  // This core's own.
  const unsigned index;
  std::vector<PortQueue> queues;
  const rules::Policy* policy = nullptr;  // Of the rules in force.
  exchange::Exchange& exchange;
  cache::Readers& readers;
  PortEdge edge;
  Handler handler;
  IdleLadder ladder;
  HitPath hit_path = hit_paths().front().path;
  base::Time now{};
  // Of the burst; kept here because it is too large to make anew each time.
  std::array<Handler::Query, kReceiveBurst> in_hand{};
  base::Time woke_workers_at{};

 private:
  const PublishedRules& published_;
  const Rules* rules_ = nullptr;
  std::atomic<bool> stop_{false};
};

/// Hands `replies`, at most kReceiveBurst, to `queue.transmit`, which is flushed first if it has no
/// room for them.
inline void transmit(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> replies,
                     Outcome outcome, base::Time received) {
  if (queue.transmit.room() < replies.size()) {
    queue.transmit.flush(queue.port, queue.queue, self.counters.ports[queue.index], self.counters);
  }
  if (!replies.empty()) queue.transmit.add(replies, outcome, received);
}

}  // namespace poll
