#include "dataplane/poll/loop.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "dataplane/base/assert.h"
#include "dataplane/poll/decide.h"

namespace poll {
namespace {

constexpr uint16_t kBurst = 32;
constexpr unsigned kFillsPerTurn = 64;
constexpr unsigned kReleasesPerTurn = 128;  // Paces a crowd that waited for one question: others are served in between.
constexpr unsigned kExpiriesPerTurn = 64;
constexpr base::Duration kDrainTime = base::seconds{1};
// The worker answers this long before the core gives up by itself, so that its reason gets through.
constexpr base::Duration kFillMargin = base::milliseconds{100};

ByteSpan bytes_of(rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, std::byte*), rte_pktmbuf_data_len(mbuf)};
}

/// From the frame's first octet to the end of its buffer.
ByteSpan room_of(rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, std::byte*), size_t{mbuf->buf_len} - mbuf->data_off};
}

void set_size(rte_mbuf* mbuf, size_t size) {
  rte_pktmbuf_data_len(mbuf) = static_cast<uint16_t>(size);
  rte_pktmbuf_pkt_len(mbuf) = static_cast<uint32_t>(size);
}

void drop(LcoreState& self, rte_mbuf* mbuf, Drop reason) {
  self.counters.dropped[reason].add();
  rte_pktmbuf_free(mbuf);
}

void send(LcoreState& self, PortQueue& queue, rte_mbuf* reply, Outcome outcome, base::Time received) {
  queue.transmit.add(reply, outcome, received);
  if (queue.transmit.full()) {
    queue.transmit.flush(queue.port, queue.queue, self.counters.ports[queue.index], self.counters);
  }
}

/// Composes the reply into `mbuf`, which may be the one the query lies in, and sends it.
void reply(LcoreState& self, PortQueue& queue, rte_mbuf* mbuf, const Path& path, const dns::Asker& asker,
           const dns::Content& content, Outcome outcome, base::Time received) {
  const size_t headers = header_size(path);
  const ByteSpan room = room_of(mbuf);
  ASSERT(room.size() >= headers + dns::kMaxUdpSize);
  const dns::Reply composed = dns::compose_reply(room.subspan(headers, dns::kMaxUdpSize), asker, content);
  write_headers(room, path, composed.size);
  set_size(mbuf, headers + composed.size);
  mbuf->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;  // What reception noted means nothing on the way out.
  send(self, queue, mbuf, composed.written == dns::Written::Truncated ? Outcome::Truncated : outcome, received);
}

/// A query that came in on `queue`, with all that is known of it.
struct Arrival {
  PortQueue& queue;
  rte_mbuf* mbuf;
  const Path& path;
};

void reply_in_place(LcoreState& self, const Arrival& arrival, const dns::Asker& asker, const dns::Content& content,
                    Outcome outcome) {
  reply(self, arrival.queue, arrival.mbuf, arrival.path, asker, content, outcome, self.now);
}

void reply_servfail(LcoreState& self, const Arrival& arrival, const dns::Asker& asker) {
  reply_in_place(self, arrival, asker, {.rcode = dns::Rcode::ServFail, .ede = dns::Ede::NetworkError},
                 Outcome::ServFail);
}

ParkedAsker asker_to_park(const LcoreState& self, const Arrival& arrival, const dns::Query& query) {
  ParkedAsker asker;
  asker.path = arrival.path;
  asker.head = query.head;
  asker.edns = query.edns;
  asker.received = self.now;
  asker.port = arrival.queue.index;
  asker.question_size = static_cast<uint16_t>(query.question.size());
  std::memcpy(asker.question_octets.data(), query.question.data(), query.question.size());
  return asker;
}

/// False if the worker's ring is full.
bool send_miss(LcoreState& self, const dns::Question& question, exchange::Ticket ticket) {
  const unsigned worker = self.exchange.worker_of(question);
  const base::Time deadline = self.now + self.pending.wait() - kFillMargin;
  if (!self.exchange.lane(self.index, worker).miss.push({question, ticket, deadline})) return false;
  self.workers_to_wake |= uint64_t{1} << worker;
  return true;
}

void park(LcoreState& self, const Arrival& arrival, const dns::Query& query, const dns::Question& question) {
  const dns::Asker asker{query.head, query.question, query.edns};
  const auto [parked, ticket] = self.pending.park(question, asker_to_park(self, arrival, query), self.now);
  switch (parked) {
    case Pending::Parked::First:
      if (send_miss(self, question, ticket)) break;
      self.pending.unpark_first(ticket);
      self.counters.miss_ring_full.add();
      return reply_servfail(self, arrival, asker);
    case Pending::Parked::Joined:
      self.counters.merged.add();
      break;
    case Pending::Parked::Full:
      self.counters.parked_full.add();
      return reply_servfail(self, arrival, asker);
    case Pending::Parked::ClientFull:
      self.counters.client_full.add();
      return reply_servfail(self, arrival, asker);
  }
  rte_pktmbuf_free(arrival.mbuf);
}

void resolve(LcoreState& self, const Arrival& arrival, const Bind& bind, const dns::Query& query) {
  const dns::Question question =
      dns::make_question(query.name(), query.type, query.klass, query.wants(), bind.pool);
  if (bind.cache == nullptr) return park(self, arrival, query, question);
  CoreCounters::PerCache& cache_counters = self.counters.caches[bind.cache_index];
  const cache::Entry* entry = bind.cache->find(question, self.now);
  if (entry == nullptr) {
    cache_counters.misses.add();
    return park(self, arrival, query, question);
  }
  cache_counters.hits.add();
  dns::Content content = entry->content(self.now);
  if (content.rcode == dns::Rcode::ServFail) content.ede = dns::Ede::CachedError;  // RFC 9520 §3.2 asks to tell.
  reply_in_place(self, arrival, {query.head, query.question, query.edns}, content, Outcome::Hit);
}

void serve(LcoreState& self, PortQueue& queue, rte_mbuf* mbuf) {
  if (mbuf->nb_segs != 1) return drop(self, mbuf, Drop::Segmented);
  const ByteView bytes = bytes_of(mbuf);
  const Result<Frame, Drop> frame = parse_frame(bytes, queue.acceptance);
  if (!frame) return drop(self, mbuf, frame.error());
  const Bind* bind = self.policy.bind_at(frame->path.ours);
  if (bind == nullptr) return drop(self, mbuf, Drop::NotBound);

  self.counters.queries.add();
  const auto query = dns::parse_query(bytes.subspan(frame->payload_at, frame->payload_size));
  const bool allowed = self.policy.acl.contains(frame->path.client.address);
  const Decision decision = decide(query, allowed ? Admission::Allowed : Admission::Denied);
  const Arrival arrival{queue, mbuf, frame->path};

  switch (decision.action) {
    case Action::Drop:
      return drop(self, mbuf, decision.drop);
    case Action::Resolve:
      return resolve(self, arrival, *bind, *query);
    case Action::Reply:
      break;
  }
  if (decision.rationed == Rationed::Yes && !self.error_ration.take(self.now)) {
    return drop(self, mbuf, Drop::ErrorRateLimited);
  }
  const dns::Asker asker = query ? dns::Asker{query->head, query->question, query->edns}
                                 : dns::Asker{query.error().head, query.error().question, {}};
  reply_in_place(self, arrival, asker, decision.content, decision.outcome);
}

/// NIC → hits answered in place, misses parked and sent to a worker.
unsigned take_packets(LcoreState& self) {
  unsigned taken = 0;
  for (PortQueue& queue : self.queues) {
    std::array<rte_mbuf*, kBurst> mbufs;
    const uint16_t count = rte_eth_rx_burst(queue.port, queue.queue, mbufs.data(), kBurst);
    for (uint16_t i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void*));
    for (uint16_t i = 0; i < count; ++i) serve(self, queue, mbufs[i]);
    self.counters.ports[queue.index].received.add(count);
    taken += count;
  }
  return taken;
}

void wake_workers(LcoreState& self) {
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
  rte_mbuf* mbuf = rte_pktmbuf_alloc(queue.pool);
  if (mbuf == nullptr) return self.counters.dropped[Drop::PoolEmpty].add();
  if (outcome.entry == nullptr) {
    return reply(self, queue, mbuf, parked.path, parked.asker(), {.rcode = dns::Rcode::ServFail, .ede = outcome.ede},
                 Outcome::ServFail, parked.received);
  }
  reply(self, queue, mbuf, parked.path, parked.asker(), outcome.entry->content(self.now), Outcome::Fill,
        parked.received);
}

unsigned release_settled(LcoreState& self, unsigned limit) {
  return self.pending.release(
      limit, [&](const ParkedAsker& parked, const Pending::Outcome& outcome) { reply_to_parked(self, parked, outcome); },
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

/// After the last packet: who is parked still gets a reply, from a Fill or, when the time is up, SERVFAIL.
void drain(LcoreState& self) {
  const base::Time deadline = base::Clock::now() + kDrainTime;
  while (self.pending.parked() > 0) {
    self.now = base::Clock::now();
    if (self.now >= deadline) self.now += self.pending.wait();  // Nobody has waited less than this now.
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
  self.now = base::Clock::now();       // One reading a turn; all deadlines and ages compare with it.
  unsigned work = take_packets(self);  // NIC → hits answered in place, misses parked and sent to a worker.
  wake_workers(self);
  work += settle_and_release(self);    // Workers → everyone parked on that question; late askers get SERVFAIL.
  send_replies(self);                  // What the port refuses is freed and counted.
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
