#include "dataplane/poll/loop.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/poll/serve.h"

namespace poll {
namespace {

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
    std::array<rte_mbuf*, kReceiveBurst> mbufs;
    const uint16_t count = rte_eth_rx_burst(queue.port, queue.queue, mbufs.data(), kReceiveBurst);
    if (count > 0) serve(self, queue, std::span(mbufs).first(count));
    self.counters.ports[queue.index].received.add(count);
    taken.packets += count;
    taken.full_burst |= count == kReceiveBurst;
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
void wake_workers(LcoreState& self, const Taken& taken) {
  if (!self.handler.workers_wait()) return;
  if (taken.full_burst && self.now < self.woke_workers_at + kWakeInterval) return;
  self.woke_workers_at = self.now;
  self.handler.wake_workers();
}

void send_replies(LcoreState& self) {
  for (PortQueue& queue : self.queues) {
    queue.transmit.flush(queue.port, queue.queue, self.counters.ports[queue.index], self.counters);
  }
}

/// A turn without the NIC's receive side: what is left to do once a stop was requested.
unsigned answer_parked(LcoreState& self) {
  unsigned work = self.handler.take_fills();
  work += self.handler.expire();
  work += self.handler.release();
  return work;
}

/// After the last packet: what is parked still gets a reply, from a Fill or, when the time is up,
/// SERVFAIL.
void drain(LcoreState& self) {
  self.handler.wake_workers();
  const base::Time deadline = base::Clock::now() + kDrainTime;
  while (self.handler.parked() > 0) {
    const base::Time now = base::Clock::now();
    self.begin(now);
    if (now >= deadline) self.handler.expire_all();
    const unsigned work = answer_parked(self);
    send_replies(self);
    self.counters.parked.set(self.handler.parked());
    self.readers.quiescent(self.index);
    self.ladder.after_turn(work > 0, self.readers, self.index);
  }
}

}  // namespace

bool turn(LcoreState& self) {
  const uint64_t started = rte_rdtsc();
  self.begin(base::Clock::now());  // One reading a turn; all deadlines and ages compare with it.
  const Taken taken = take_packets(self);  // NIC → hits answered in place, misses parked.
  wake_workers(self, taken);               // Misses → workers.
  unsigned work = taken.packets;
  work += serve_kernel(self);   // What is not ours goes to the kernel, and its own frames out.
  work += answer_parked(self);  // Workers → all that is parked on that question.
  send_replies(self);           // What the port refuses is freed and counted.
  self.counters.parked.set(self.handler.parked());
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
