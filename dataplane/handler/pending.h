// The askers that wait for an answer, on one thread: parked by question, so that equal questions
// cost one Miss, and released when the Fill comes or the wait is over. Fixed memory, taken at
// start; every operation is bounded.
//
// A question waits the same time for all, from its first asker on; so questions expire in the order
// they came, and a plain queue is the whole timer. An asker that comes when half of it is over
// waits in a slot of its own beside that one, so that none is told too soon; workers merge the two.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/assert.h"
#include "dataplane/base/clock.h"
#include "dataplane/exchange/exchange.h"

namespace handler {

using base::Time;

struct PendingLimits {
  uint32_t questions = 65536;
  uint32_t askers = 65536;
  uint16_t per_client =
      1000;  // Askers of one client, an address or an IPv6 /64, against DNSBomb (CVE-2024-33655).
  base::Duration wait =
      base::milliseconds{1900};  // A client that waits longer has asked again or gone.
};

/// `Asker`: what is kept of a query while it waits, copied in; it has a `client()`, the address
/// that asks.
template <typename Asker>
class Pending {
 public:
  explicit Pending(const PendingLimits& limits);

  enum class Parked : uint8_t { First, Joined, Full, ClientFull };
  /// Parks `asker` under `question`. After `First` the caller sends a Miss with `ticket`, or calls
  /// `unpark_first`.
  struct Parking {
    Parked parked{};
    exchange::Ticket ticket;
  };
  [[nodiscard]] Parking park(const dns::Question& question, const Asker& asker, Time now);
  /// Takes back a `First` whose Miss could not be sent.
  void unpark_first(exchange::Ticket ticket);

  /// What to tell the askers of one question.
  struct Outcome {
    const cache::Entry* entry = nullptr;  // Pinned; nullptr: `rcode` without records, and `ede`.
    dns::Rcode rcode = dns::Rcode::ServFail;
    dns::Ede ede = dns::Ede::None;
  };
  /// Puts the question's askers in line for release with this outcome. False if no asker waits
  /// under that ticket any more.
  [[nodiscard]] bool settle(exchange::Ticket ticket, const Outcome& outcome);
  /// Settles, as failed, at most `limit` questions that have waited too long. Returns how many.
  unsigned settle_expired(Time now, unsigned limit);

  /// Releases up to `limit` settled askers: `each(const Asker&, const Outcome&)`, and, after
  /// a question's last one, `done(const Outcome&)`, which unpins. Returns how many askers were
  /// released.
  template <typename Each, typename Done>
  unsigned release(unsigned limit, Each each, Done done) {
    unsigned released = 0;
    while (released < limit && settled_.front != kNone) {
      Slot& slot = slots_[settled_.front];
      if (slot.first_asker == kNone) {
        done(slot.outcome);
        free_slot(pop_front(settled_));
        continue;
      }
      const uint32_t index = slot.first_asker;
      slot.first_asker = askers_[index].next;
      each(askers_[index].asker, slot.outcome);
      free_asker(index);
      ++released;
    }
    return released;
  }

  [[nodiscard]] uint32_t parked() const { return parked_; }
  /// Whether there is an asker to release.
  [[nodiscard]] bool anything_settled() const { return settled_.front != kNone; }
  /// How long a question may wait.
  [[nodiscard]] base::Duration wait() const { return limits_.wait; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kClientCounts = 1u << 16;

  struct Slot {
    dns::Question question;
    Time deadline{};
    Outcome outcome;
    uint32_t generation = 0;
    uint32_t first_asker = kNone;
    uint32_t last_asker = kNone;
    uint32_t chain = kNone;                  // Next slot of the same hash bucket.
    uint32_t before = kNone, after = kNone;  // Neighbours in `waiting_` or `settled_`.
    bool waiting = false;
  };
  struct AskerSlot {
    Asker asker;
    uint32_t next = kNone;
  };
  struct Queue {
    uint32_t front = kNone, back = kNone;
  };

  [[nodiscard]] uint32_t& bucket(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  [[nodiscard]] uint32_t find(const dns::Question& question);
  [[nodiscard]] bool has_time(uint32_t index, Time now) const {
    return slots_[index].deadline - now >= limits_.wait / 2;
  }
  [[nodiscard]] uint32_t open(const dns::Question& question, Time now);
  void unchain(uint32_t index);
  void free_slot(uint32_t index);
  void free_asker(uint32_t index);
  void push_back(Queue& queue, uint32_t index);
  void remove(Queue& queue, uint32_t index);
  uint32_t pop_front(Queue& queue);
  void settle_slot(uint32_t index, const Outcome& outcome);
  [[nodiscard]] uint16_t& client_count(const base::IpAddress& client);

  PendingLimits limits_;
  std::vector<Slot> slots_;
  std::vector<AskerSlot> askers_;
  std::vector<uint32_t> buckets_;  // A power of two, at least twice the questions.
  std::vector<uint16_t>
      client_counts_;  // By keyed hash of the address; clients that share one share its limit.
  uint32_t free_slots_ = kNone;   // Through Slot::chain.
  uint32_t free_askers_ = kNone;  // Through AskerSlot::next.
  Queue waiting_;                 // In the order they expire.
  Queue settled_;
  uint32_t parked_ = 0;
};

template <typename Asker>
Pending<Asker>::Pending(const PendingLimits& limits)
    : limits_(limits),
      slots_(limits.questions),
      askers_(limits.askers),
      buckets_(std::bit_ceil(size_t{limits.questions} * 2), kNone),
      client_counts_(kClientCounts, 0) {
  for (uint32_t i = limits.questions; i-- > 0;) {
    slots_[i].chain = free_slots_;
    free_slots_ = i;
  }
  for (uint32_t i = limits.askers; i-- > 0;) {
    askers_[i].next = free_askers_;
    free_askers_ = i;
  }
}

template <typename Asker>
typename Pending<Asker>::Parking Pending<Asker>::park(const dns::Question& question,
                                                      const Asker& asker, Time now) {
  uint16_t& count = client_count(asker.client());
  if (count >= limits_.per_client) return {Parked::ClientFull, {}};
  if (free_askers_ == kNone) return {Parked::Full, {}};
  uint32_t index = find(question);
  const bool joins = index != kNone && (free_slots_ == kNone || has_time(index, now));
  if (!joins) index = open(question, now);
  if (index == kNone) return {Parked::Full, {}};

  const uint32_t taken = free_askers_;
  free_askers_ = askers_[taken].next;
  askers_[taken].asker = asker;
  askers_[taken].next = kNone;

  Slot& slot = slots_[index];
  (slot.first_asker == kNone ? slot.first_asker : askers_[slot.last_asker].next) = taken;
  slot.last_asker = taken;
  ++count;
  ++parked_;
  return {joins ? Parked::Joined : Parked::First, {.slot = index, .generation = slot.generation}};
}

template <typename Asker>
void Pending<Asker>::unpark_first(exchange::Ticket ticket) {
  Slot& slot = slots_[ticket.slot];
  ASSERT(slot.waiting && slot.generation == ticket.generation &&
         slot.first_asker == slot.last_asker);
  free_asker(slot.first_asker);
  remove(waiting_, ticket.slot);
  unchain(ticket.slot);
  free_slot(ticket.slot);
}

template <typename Asker>
bool Pending<Asker>::settle(exchange::Ticket ticket, const Outcome& outcome) {
  if (ticket.slot >= slots_.size()) return false;
  Slot& slot = slots_[ticket.slot];
  if (!slot.waiting || slot.generation != ticket.generation) return false;
  settle_slot(ticket.slot, outcome);
  return true;
}

template <typename Asker>
unsigned Pending<Asker>::settle_expired(Time now, unsigned limit) {
  unsigned settled = 0;
  while (settled < limit && waiting_.front != kNone && slots_[waiting_.front].deadline <= now) {
    settle_slot(waiting_.front, {.ede = dns::Ede::NetworkError});
    ++settled;
  }
  return settled;
}

/// From here on an equal question finds the cache or starts anew; this one only waits for its
/// askers to be told.
template <typename Asker>
void Pending<Asker>::settle_slot(uint32_t index, const Outcome& outcome) {
  Slot& slot = slots_[index];
  slot.outcome = outcome;
  slot.waiting = false;
  remove(waiting_, index);
  unchain(index);
  push_back(settled_, index);
}

/// Of two that wait, the one that came last.
template <typename Asker>
uint32_t Pending<Asker>::find(const dns::Question& question) {
  uint32_t index = bucket(question.hash);
  while (index != kNone && !(slots_[index].question == question)) index = slots_[index].chain;
  return index;
}

template <typename Asker>
uint32_t Pending<Asker>::open(const dns::Question& question, Time now) {
  if (free_slots_ == kNone) return kNone;
  const uint32_t index = free_slots_;
  Slot& slot = slots_[index];
  free_slots_ = slot.chain;
  slot.question = question;
  slot.deadline = now + limits_.wait;
  slot.waiting = true;
  slot.first_asker = slot.last_asker = kNone;
  slot.chain = bucket(question.hash);
  bucket(question.hash) = index;
  push_back(waiting_, index);
  return index;
}

template <typename Asker>
void Pending<Asker>::unchain(uint32_t index) {
  uint32_t* link = &bucket(slots_[index].question.hash);
  while (*link != index) link = &slots_[*link].chain;
  *link = slots_[index].chain;
}

template <typename Asker>
void Pending<Asker>::free_slot(uint32_t index) {
  Slot& slot = slots_[index];
  ++slot.generation;  // Whatever ticket is still out names nothing now.
  slot.waiting = false;
  slot.chain = free_slots_;
  free_slots_ = index;
}

template <typename Asker>
void Pending<Asker>::free_asker(uint32_t index) {
  --client_count(askers_[index].asker.client());
  askers_[index].next = free_askers_;
  free_askers_ = index;
  --parked_;
}

template <typename Asker>
void Pending<Asker>::push_back(Queue& queue, uint32_t index) {
  slots_[index].before = queue.back;
  slots_[index].after = kNone;
  (queue.back == kNone ? queue.front : slots_[queue.back].after) = index;
  queue.back = index;
}

template <typename Asker>
void Pending<Asker>::remove(Queue& queue, uint32_t index) {
  const Slot& slot = slots_[index];
  (slot.before == kNone ? queue.front : slots_[slot.before].after) = slot.after;
  (slot.after == kNone ? queue.back : slots_[slot.after].before) = slot.before;
}

template <typename Asker>
uint32_t Pending<Asker>::pop_front(Queue& queue) {
  const uint32_t index = queue.front;
  remove(queue, index);
  return index;
}

template <typename Asker>
uint16_t& Pending<Asker>::client_count(const base::IpAddress& client) {
  return client_counts_[exchange::hash_of_client(client) % kClientCounts];
}

}  // namespace handler
