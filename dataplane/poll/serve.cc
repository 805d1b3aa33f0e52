// In stages, each over the whole burst: read and hash every query and call its buckets' lines, find
// its entry and call that, then compose. What one stage touches, the stage before has asked memory
// for, so a burst waits for memory about once, not once per query.
#include "dataplane/poll/serve.h"

#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include <new>

#include "dataplane/base/assert.h"
#include "dataplane/rules/decide.h"
#include "dataplane/rules/deciding_name.h"
#include "dataplane/rules/response.h"

namespace poll {
namespace {

using rules::Action;
using rules::Admission;
using rules::Decision;
using rules::RateLimitAction;
using rules::Rationed;
using rules::Transport;

// The worker answers this long before the core gives up by itself, so that its reason gets through.
constexpr base::Duration kFillMargin = base::milliseconds{100};

ByteView bytes_of(const rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, const std::byte*), rte_pktmbuf_data_len(mbuf)};
}

/// From the frame's first octet to the end of its buffer.
ByteSpan room_of(rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, std::byte*), size_t{mbuf->buf_len} - mbuf->data_off};
}

void drop(LcoreState& self, rte_mbuf* mbuf, Drop reason) {
  self.counters.dropped[reason].add();
  rte_pktmbuf_free(mbuf);
}

/// A frame that is no query of ours.
void turn_away(LcoreState& self, const PortQueue& queue, rte_mbuf* mbuf, Drop reason) {
  if (queue.to_kernel == nullptr) return drop(self, mbuf, reason);
  const auto dropped = hand_over(queue, bytes_of(mbuf), reason, self.now);
  if (dropped) return drop(self, mbuf, *dropped);
  rte_pktmbuf_free(mbuf);  // The kernel gets a copy.
}

void tell(LcoreState& self, PortQueue& queue, const Arrival& arrival, const rules::Response& said) {
  reply(self, queue, arrival.mbuf, {arrival.path, arrival.sender, arrival.question.hash, self.now},
        arrival.asker(), said.content, said.outcome);
}

/// There is no room for it anywhere.
void reply_unasked(LcoreState& self, PortQueue& queue, const Arrival& arrival) {
  tell(self, queue, arrival, rules::respond_unasked(*arrival.to, arrival.question, self.now));
}

ParkedAsker asker_to_park(const LcoreState& self, const PortQueue& queue, const Arrival& arrival) {
  ParkedAsker asker;
  asker.path = arrival.path;
  asker.head = arrival.query.head;
  asker.edns = arrival.query.edns;
  asker.cookie = arrival.cookie;
  asker.sender = arrival.sender;
  asker.question_hash = arrival.question.hash;
  asker.received = self.now;
  asker.port = queue.index;
  asker.question_size = static_cast<uint16_t>(arrival.query.question.size());
  std::memcpy(asker.question_octets.data(), arrival.query.question.data(),
              arrival.query.question.size());
  return asker;
}

base::Time deadline_of_miss(const LcoreState& self) {
  return self.now + self.pending.wait() - kFillMargin;
}

/// False if the worker's ring is full.
bool send_miss(LcoreState& self, const Arrival& arrival, exchange::Ticket ticket) {
  const unsigned worker = self.exchange.worker_of(arrival.question);
  exchange::Lane& lane = self.exchange.lane(self.index, worker);
  const uint16_t client =
      exchange::client_tag(handler::hash_of_client(arrival.path.client.address));
  if (!lane.miss.push({arrival.question, ticket, deadline_of_miss(self), client})) return false;
  self.workers_to_wake |= uint64_t{1} << worker;
  return true;
}

/// Once for each entry, whatever comes of it: if nothing does, there is a miss when it expires.
void prefetch(LcoreState& self, const cache::Entry& entry, const dns::Question& question) {
  if (!entry.claim()) return;
  const unsigned worker = self.exchange.worker_of(question);
  if (!self.exchange.lane(self.index, worker).prefetch(question, deadline_of_miss(self)))
    return self.counters.prefetches_left.add();
  self.workers_to_wake |= uint64_t{1} << worker;
}

void park(LcoreState& self, PortQueue& queue, const Arrival& arrival) {
  const auto [parked, ticket] =
      self.pending.park(arrival.question, asker_to_park(self, queue, arrival), self.now);
  switch (parked) {
    case Pending::Parked::First:
      if (send_miss(self, arrival, ticket)) break;
      self.pending.unpark_first(ticket);
      self.counters.miss_ring_full.add();
      return reply_unasked(self, queue, arrival);
    case Pending::Parked::Joined:
      self.counters.merged.add();
      break;
    case Pending::Parked::Full:
      self.counters.parked_full.add();
      return reply_unasked(self, queue, arrival);
    case Pending::Parked::ClientFull:
      self.counters.client_full.add();
      return reply_unasked(self, queue, arrival);
  }
  rte_pktmbuf_free(
      arrival.mbuf);  // The asker is parked, not its mbuf: slow resolvers cannot drain the pool.
}

/// What no cache has: answered here, or by a backend.
void ask(LcoreState& self, PortQueue& queue, const Arrival& arrival) {
  const auto local = self.policy->local_answer(arrival.question);
  if (!local) return park(self, queue, arrival);
  tell(self, queue, arrival, {*local, Outcome::Local});
}

/// First stage, one frame: dropped or answered by policy alone, or read into `arrival` to be
/// resolved (true).
bool arrive(LcoreState& self, PortQueue& queue, rte_mbuf* mbuf, Arrival& arrival) {
  if (mbuf->nb_segs != 1) return drop(self, mbuf, Drop::Segmented), false;
  const ByteView bytes = bytes_of(mbuf);
  const Result<Frame, Drop> frame = parse_frame(bytes, queue.acceptance);
  if (!frame) return turn_away(self, queue, mbuf, frame.error()), false;
  const rules::Bind* bind = self.policy->bind_at(frame->path.ours);
  if (bind == nullptr) return turn_away(self, queue, mbuf, Drop::NotBound), false;

  self.counters.queries[Transport::Udp].add();
  const auto query = dns::parse_query(bytes.subspan(frame->payload_at, frame->payload_size));
  const bool allowed = self.policy->acl.contains(frame->path.client.address);
  const rules::Cookies::Judged cookie =
      self.policy->cookies.judge(query, frame->path.client.address);
  const Decision decision = rules::decide(query, allowed ? Admission::Allowed : Admission::Denied,
                                          Transport::Udp, cookie.rule);
  switch (decision.action) {
    case Action::Drop:
      drop(self, mbuf, decision.drop);
      return false;
    case Action::Resolve:
      arrival.mbuf = mbuf;
      arrival.to = &self.policy->destination(
          *bind, rules::deciding_name(*self.policy, query->name(), query->type));
      arrival.path = frame->path;
      arrival.query = *query;
      arrival.sender = cookie.sender;
      arrival.cookie = cookie.reply;
      // Made where it stays; an assignment would copy 280 octets.
      new (&arrival.question) dns::Question(dns::make_question(
          query->name(), query->type, query->klass, query->wants(), arrival.to->pool));
      if (arrival.to->cache != nullptr) arrival.to->cache->prefetch_bucket(arrival.question.hash);
      return true;
    case Action::Reply:
      break;
  }
  if (decision.rationed == Rationed::Yes && !self.error_ration.take(self.now)) {
    return drop(self, mbuf, Drop::ErrorRateLimited), false;
  }
  dns::Asker asker =
      query ? dns::Asker{query->head, query->question, query->edns}
            : dns::Asker{query.error().head, query.error().question, query.error().edns};
  const bool brief =
      decision.rationed == Rationed::Yes && decision.content.rcode != dns::Rcode::NoError;
  if (!brief) asker.options.cookie = cookie.reply.bytes();
  reply(self, queue, mbuf, {frame->path, cookie.sender, 0, self.now}, asker,
        brief ? rules::trimmed(decision.content, asker, frame->payload_size) : decision.content,
        decision.outcome);
  return false;
}

/// Second stage, one query: its buckets have come by now, its entry is called.
void probe(Arrival& arrival) {
  if (arrival.to->cache != nullptr) {
    arrival.probable = arrival.to->cache->probe(arrival.question);
  }
}

/// Last stage, one query: a hit is answered where it lies, a miss parked.
void resolve(LcoreState& self, PortQueue& queue, const Arrival& arrival) {
  if (arrival.to->cache == nullptr) return ask(self, queue, arrival);
  CoreCounters::PerCache& counters = self.counters.caches[arrival.to->cache_index];
  const cache::Entry* entry = arrival.to->cache->find(arrival.question, self.now, arrival.probable);
  if (entry == nullptr) {
    counters.misses.add();
    return ask(self, queue, arrival);
  }
  counters.hits.add();
  if (entry->due(self.now)) prefetch(self, *entry, arrival.question);
  tell(self, queue, arrival, rules::respond_from(*entry, self.now));
}

/// A reply as it goes out, after the rate limit has had its say.
struct Allowed {
  RateLimitAction action;
  dns::Content content;
  Outcome outcome;
};

Allowed allow(LcoreState& self, const Addressee& to, const dns::Content& content, Outcome outcome) {
  const auto judged =
      self.rate_limiter.judge(self.policy->rate_limit, {to.path.client.address, to.question},
                              to.sender, content.rcode, self.now);
  if (judged.over) self.counters.rate_limited.add();
  switch (judged.action) {
    case RateLimitAction::Whole:
    case RateLimitAction::None:
      break;
    case RateLimitAction::Truncated:
      return {judged.action, {.truncated = true}, Outcome::Truncated};
    case RateLimitAction::BadCookie:
      return {judged.action, {.rcode = dns::Rcode::BadCookie}, Outcome::BadCookie};
  }
  return {judged.action, content, outcome};
}

void compose(LcoreState& self, PortQueue& queue, rte_mbuf* mbuf, const Addressee& to,
             const dns::Asker& asker, const dns::Content& content, Outcome outcome) {
  const size_t headers = header_size(to.path);
  const ByteSpan room = room_of(mbuf);
  ASSERT(room.size() >= headers + dns::kMaxUdpSize);
  const dns::Reply composed =
      dns::compose_reply(room.subspan(headers, dns::kMaxUdpSize), asker, content);
  write_headers(room, to.path, composed.size);

  const size_t size = headers + composed.size;
  rte_pktmbuf_data_len(mbuf) = static_cast<uint16_t>(size);
  rte_pktmbuf_pkt_len(mbuf) = static_cast<uint32_t>(size);
  mbuf->ol_flags &= RTE_MBUF_F_INDIRECT |
                    RTE_MBUF_F_EXTERNAL;  // What reception noted means nothing on the way out.
  transmit(self, queue, std::span(&mbuf, 1),
           composed.written == dns::Written::Truncated ? Outcome::Truncated : outcome, to.received);
}

}  // namespace

void serve(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames) {
  for (rte_mbuf* mbuf : frames) {
    rte_prefetch0(rte_pktmbuf_mtod(mbuf, std::byte*));
    rte_prefetch0(rte_pktmbuf_mtod(mbuf, std::byte*) + RTE_CACHE_LINE_SIZE);
  }
  std::array<rte_mbuf*, kBurst> others;
  const unsigned left = self.hit_path(self, queue, frames, others.data());
  if (left > 0) serve_slowly(self, queue, std::span(others).first(left));
}

void serve_slowly(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames) {
  ASSERT(frames.size() <= kBurst);
  std::array<Arrival, kBurst>& arrivals = self.arrivals;
  size_t count = 0;
  for (rte_mbuf* mbuf : frames) count += arrive(self, queue, mbuf, arrivals[count]) ? 1 : 0;
  const std::span<Arrival> to_resolve = std::span(arrivals).first(count);
  for (Arrival& arrival : to_resolve) probe(arrival);
  for (const Arrival& arrival : to_resolve) resolve(self, queue, arrival);
}

void reply(LcoreState& self, PortQueue& queue, rte_mbuf* mbuf, const Addressee& to,
           const dns::Asker& asker, const dns::Content& content, Outcome outcome) {
  if (!self.policy->rate_limit.on()) [[likely]]
    return compose(self, queue, mbuf, to, asker, content, outcome);
  const Allowed allowed = allow(self, to, content, outcome);
  if (allowed.action == RateLimitAction::None) return drop(self, mbuf, Drop::RateLimited);
  compose(self, queue, mbuf, to, asker, allowed.content, allowed.outcome);
}

}  // namespace poll
