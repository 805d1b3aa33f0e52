// The askers that wait for an answer, on one core: parked by question, so that equal questions cost
// one Miss, and released when the Fill comes or the wait is over. Fixed memory, taken at start;
// every operation is bounded.
//
// A question waits the same time for everybody, from its first asker on; so questions expire in the
// order they came, and a plain queue is the whole timer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/dns/reply.h"
#include "dataplane/exchange.h"
#include "dataplane/poll/frame.h"

namespace poll {

using base::Time;

/// What is kept of a query while it waits. Its own bytes only: the mbuf it came in is long free.
struct ParkedAsker {
  Path path;
  dns::Head head;
  dns::Edns edns;
  Time received;
  uint8_t port = 0;  // Index of the port it came in on.
  uint16_t question_size = 0;
  std::array<std::byte, dns::kMaxQuestion> question_octets;

  [[nodiscard]] dns::Asker asker() const {
    return {.head = head, .question = {question_octets.data(), question_size}, .edns = edns};
  }
};

struct PendingLimits {
  uint32_t questions = 65536;
  uint32_t askers = 65536;
  uint16_t per_client =
      1000;  // Askers of one client address, against DNSBomb (CVE-2024-33655); Unbound's figure.
  base::Duration wait =
      base::milliseconds{1900};  // A client that waits longer has asked again or gone.
};

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
  [[nodiscard]] Parking park(const dns::Question& question, const ParkedAsker& asker, Time now);
  /// Takes back a `First` whose Miss could not be sent.
  void unpark_first(exchange::Ticket ticket);

  /// What to tell the askers of one question.
  struct Outcome {
    const cache::Entry* entry = nullptr;  // Pinned; nullptr: SERVFAIL with `ede`.
    dns::Ede ede = dns::Ede::None;
  };
  /// Puts the question's askers in line for release with this outcome. False if nobody waits under
  /// that ticket any more.
  [[nodiscard]] bool settle(exchange::Ticket ticket, const Outcome& outcome);
  /// Settles, as failed, at most `limit` questions that have waited too long. Returns how many.
  unsigned settle_expired(Time now, unsigned limit);

  /// Releases up to `limit` settled askers: `each(const ParkedAsker&, const Outcome&)`, and, after
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
    ParkedAsker asker;
    uint32_t next = kNone;
  };
  struct Queue {
    uint32_t front = kNone, back = kNone;
  };

  [[nodiscard]] uint32_t& bucket(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  [[nodiscard]] uint32_t find(const dns::Question& question);
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

}  // namespace poll
