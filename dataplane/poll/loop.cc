#include "dataplane/poll/loop.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/base/assert.h"
#include "dataplane/poll/serve.h"
#include "dataplane/rules/response.h"

namespace poll {
namespace {

constexpr unsigned kFillsPerTurn = 64;
constexpr unsigned kReleasesPerTurn =
    128;  // Paces a crowd that waited for one question: others are served in between.
constexpr unsigned kExpiriesPerTurn = 64;
constexpr base::Duration kDrainTime = base::seconds{1};
/// How long a core without a moment to spare lets misses gather before it wakes their worker.
constexpr base::Duration kWakeInterval = base::milliseconds{1};

/// What a turn found on its queues. A full burst: more was waiting.
struct Taken {
  unsigned packets = 0;
  bool full_burst = false;
};

/// NIC → hits answered in place, misses parked and sent to a worker.
Taken take_packets(LcoreState& self) {
  Taken taken;
  for (PortQueue& queue : self.queues) {
    if (!queue.open) continue;
    std::array<rte_mbuf*, kBurst> mbufs;
    const uint16_t count = rte_eth_rx_burst(queue.port, queue.queue, mbufs.data(), kBurst);
    if (count > 0) serve(self, queue, std::span(mbufs).first(count));
    self.counters.ports[queue.index].received.add(count);
    taken.packets += count;
    taken.full_burst |= count == kBurst;
  }
  return taken;
}

/// The kernel's frames → NIC.
unsigned serve_kernel(LcoreState& self) {
  unsigned taken = 0;
  for (PortQueue& queue : self.queues) taken += serve_kernel(queue, self.counters);
  return taken;
}

/// A sleeping worker is woken by a system call, and on a virtual machine that takes 20 µs and more:
/// as long as 300 hits. A core that keeps up makes it at once; one that does not, whose clients
/// wait in line anyway, makes it for many misses together.
void wake_workers(LcoreState& self, bool hurried) {
  if (self.workers_to_wake == 0 || (hurried && self.now < self.woke_workers_at + kWakeInterval))
    return;
  self.woke_workers_at = self.now;
  for (uint64_t workers = self.workers_to_wake; workers != 0; workers &= workers - 1) {
    self.exchange.doorbell(static_cast<unsigned>(std::countr_zero(workers))).ring();
  }
  self.workers_to_wake = 0;
}

/// Workers → whoever is parked on that question is put in line for release.
unsigned take_fills(LcoreState& self) {
  unsigned taken = 0;
  for (unsigned worker = 0; worker < self.exchange.workers(); ++worker) {
    std::array<exchange::Fill, kFillsPerTurn> fills;
    const unsigned count = self.exchange.lane(self.index, worker).fill.pop(fills);
    for (unsigned i = 0; i < count; ++i) {
      if (self.pending.settle(fills[i].ticket, {fills[i].entry, fills[i].ede})) continue;
      self.counters.late_fills.add();
      if (fills[i].entry != nullptr) fills[i].entry->unpin();
    }
    taken += count;
  }
  return taken;
}

PortQueue& queue_of(LcoreState& self, uint8_t port_index) {
  for (PortQueue& queue : self.queues) {
    if (queue.index == port_index) return queue;
  }
  ASSERT(false);
  return self.queues.front();
}

void reply_to_parked(LcoreState& self, const ParkedAsker& parked, const Pending::Outcome& outcome) {
  PortQueue& queue = queue_of(self, parked.port);
  if (!queue.open) return self.counters.dropped[Drop::TransmitFull].add();
  rte_mbuf* mbuf = rte_pktmbuf_alloc(queue.pool);
  if (mbuf == nullptr) return self.counters.dropped[Drop::PoolEmpty].add();
  const rules::Response said = rules::respond_to_fill(outcome.entry, outcome.ede, self.now);
  reply(self, queue, mbuf, {parked.path, parked.sender, parked.question_hash, parked.received},
        parked.asker(), said.content, said.outcome);
}

unsigned release_settled(LcoreState& self, unsigned limit) {
  return self.pending.release(
      limit,
      [&](const ParkedAsker& parked, const Pending::Outcome& outcome) {
        reply_to_parked(self, parked, outcome);
      },
      [](const Pending::Outcome& outcome) {
        if (outcome.entry != nullptr) outcome.entry->unpin();
      });
}

void send_replies(LcoreState& self) {
  for (PortQueue& queue : self.queues) {
    queue.transmit.flush(queue.port, queue.queue, self.counters.ports[queue.index], self.counters);
  }
}

/// A turn without the NIC's receive side: what is left to do once a stop was requested.
unsigned settle_and_release(LcoreState& self) {
  unsigned work = take_fills(self);
  work += self.pending.settle_expired(self.now, kExpiriesPerTurn);
  work += release_settled(self, kReleasesPerTurn);
  return work;
}

/// After the last packet: who is parked still gets a reply, from a Fill or, when the time is up,
/// SERVFAIL.
void drain(LcoreState& self) {
  wake_workers(self, false);
  const base::Time deadline = base::Clock::now() + kDrainTime;
  while (self.pending.parked() > 0) {
    self.now = base::Clock::now();
    if (self.now >= deadline)
      self.now += self.pending.wait();  // Nobody has waited less than this now.
    const unsigned work = settle_and_release(self);
    send_replies(self);
    self.counters.parked.set(self.pending.parked());
    self.readers.quiescent(self.index);
    self.ladder.after_turn(work > 0, self.readers, self.index);
  }
}

}  // namespace

bool turn(LcoreState& self) {
  const uint64_t started = rte_rdtsc();
  self.now = base::Clock::now();  // One reading a turn; all deadlines and ages compare with it.
  self.take_up_rules();
  const Taken taken =
      take_packets(self);  // NIC → hits answered in place, misses parked and sent to a worker.
  wake_workers(self, taken.full_burst);
  unsigned work = taken.packets;
  work += serve_kernel(self);  // What is not ours goes to the kernel, and its own frames out.
  work += settle_and_release(
      self);           // Workers → everyone parked on that question; late askers get SERVFAIL.
  send_replies(self);  // What the port refuses is freed and counted.
  self.counters.parked.set(self.pending.parked());
  self.readers.quiescent(self.index);  // No entry is held across turns but pinned ones.

  const uint64_t cycles = rte_rdtsc() - started;
  if (work > 0) self.counters.busy_cycles.add(cycles);
  return work > 0;
}

void run_lcore(LcoreState& self) {
  self.readers.join(self.index);
  self.ladder.settle_in();
  uint64_t before = rte_rdtsc();
  while (!self.stop_requested()) {
    const bool worked = turn(self);
    self.ladder.after_turn(worked, self.readers, self.index);
    const uint64_t after = rte_rdtsc();
    self.counters.cycles.add(after - before);
    before = after;
  }
  drain(self);
  self.readers.leave(self.index);
}

}  // namespace poll
