#include "dataplane/poll/pending.h"

#include <bit>

#include "dataplane/base/assert.h"
#include "dataplane/base/keyed_hash.h"

namespace poll {

Pending::Pending(const PendingLimits& limits)
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

Pending::Parking Pending::park(const dns::Question& question, const ParkedAsker& asker, Time now) {
  uint16_t& count = client_count(asker.path.client.address);
  if (count >= limits_.per_client) return {Parked::ClientFull, {}};
  if (free_askers_ == kNone) return {Parked::Full, {}};
  uint32_t index = find(question);
  const Parked parked = index == kNone ? Parked::First : Parked::Joined;
  if (index == kNone) index = open(question, now);
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
  return {parked, {.slot = index, .generation = slot.generation}};
}

void Pending::unpark_first(exchange::Ticket ticket) {
  Slot& slot = slots_[ticket.slot];
  ASSERT(slot.waiting && slot.generation == ticket.generation &&
         slot.first_asker == slot.last_asker);
  free_asker(slot.first_asker);
  remove(waiting_, ticket.slot);
  unchain(ticket.slot);
  free_slot(ticket.slot);
}

bool Pending::settle(exchange::Ticket ticket, const Outcome& outcome) {
  if (ticket.slot >= slots_.size()) return false;
  Slot& slot = slots_[ticket.slot];
  if (!slot.waiting || slot.generation != ticket.generation) return false;
  settle_slot(ticket.slot, outcome);
  return true;
}

unsigned Pending::settle_expired(Time now, unsigned limit) {
  unsigned settled = 0;
  while (settled < limit && waiting_.front != kNone && slots_[waiting_.front].deadline <= now) {
    settle_slot(waiting_.front, {.ede = dns::Ede::NetworkError});
    ++settled;
  }
  return settled;
}

/// From here on an equal question finds the cache or starts anew; this one only waits for its
/// askers to be told.
void Pending::settle_slot(uint32_t index, const Outcome& outcome) {
  Slot& slot = slots_[index];
  slot.outcome = outcome;
  slot.waiting = false;
  remove(waiting_, index);
  unchain(index);
  push_back(settled_, index);
}

uint32_t Pending::find(const dns::Question& question) {
  uint32_t index = bucket(question.hash);
  while (index != kNone && !(slots_[index].question == question)) index = slots_[index].chain;
  return index;
}

uint32_t Pending::open(const dns::Question& question, Time now) {
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

void Pending::unchain(uint32_t index) {
  uint32_t* link = &bucket(slots_[index].question.hash);
  while (*link != index) link = &slots_[*link].chain;
  *link = slots_[index].chain;
}

void Pending::free_slot(uint32_t index) {
  Slot& slot = slots_[index];
  ++slot.generation;  // Whatever ticket is still out names nothing now.
  slot.waiting = false;
  slot.chain = free_slots_;
  free_slots_ = index;
}

void Pending::free_asker(uint32_t index) {
  --client_count(askers_[index].asker.path.client.address);
  askers_[index].next = free_askers_;
  free_askers_ = index;
  --parked_;
}

void Pending::push_back(Queue& queue, uint32_t index) {
  slots_[index].before = queue.back;
  slots_[index].after = kNone;
  (queue.back == kNone ? queue.front : slots_[queue.back].after) = index;
  queue.back = index;
}

void Pending::remove(Queue& queue, uint32_t index) {
  const Slot& slot = slots_[index];
  (slot.before == kNone ? queue.front : slots_[slot.before].after) = slot.after;
  (slot.after == kNone ? queue.back : slots_[slot.after].before) = slot.before;
}

uint32_t Pending::pop_front(Queue& queue) {
  const uint32_t index = queue.front;
  remove(queue, index);
  return index;
}

uint16_t& Pending::client_count(const base::IpAddress& client) {
  return client_counts_[base::keyed_hash(client.mapped(), 0) % kClientCounts];
}

}  // namespace poll
