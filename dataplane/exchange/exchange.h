// Miss and Fill: the only two messages that cross between a poll core and a TLS worker, and which
// side owns what when.
//
// A core parks the asker, sends a Miss and keeps nothing but a ticket. The worker answers every
// Miss with exactly one Fill, in any order and at any time (with none, if its ticket is kNobody). A
// Fill that names an entry carries one pin on it; the core that takes the Fill owns that pin.
//
// Clients that speak over streams are served by frontends, one in each worker. To the workers a
// frontend is one more core: it comes behind all of them in number, and sends and gets the same
// messages.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/keyed_hash.h"
#include "dataplane/base/ring.h"
#include "dataplane/cache/entry.h"
#include "dataplane/dns/question.h"

namespace exchange {

/// Title to one parked question of one core. The generation tells a slot's present use from an
/// earlier one.
struct Ticket {
  uint32_t slot = 0;
  uint32_t generation = 0;
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

/// Keyed, of what one client has all of: an address, or an IPv6 /64.
[[nodiscard]] inline uint64_t hash_of_client(const base::IpAddress& client) {
  constexpr size_t kIpv6Network = 8;
  const base::ByteView octets = client.octets();
  const base::ByteView network = client.is_v4() ? octets : octets.first(kIpv6Network);
  return base::keyed_hash(network, network.size());
}
/// A client as a number that says nothing else about it.
[[nodiscard]] inline uint16_t client_tag(const base::IpAddress& client) {
  return static_cast<uint16_t>(hash_of_client(client) >> 48);
}

/// Of a Miss that no client waits for: an answer in demand is fetched anew before it expires. It
/// gets no Fill, and is the first to be left undone.
inline constexpr Ticket kNobody{0xFFFFFFFF, 0xFFFFFFFF};

/// Core to worker: "find this out, and tell me by `deadline`".
struct Miss {
  dns::Question question;
  Ticket ticket;
  base::Time deadline;  // By then the core wants a Fill, even a failure.
  uint16_t client = 0;  // Tells clients apart, see `client_tag`; 0: none in particular.
};

/// Worker to core: the answer, or why there is none.
struct Fill {
  Ticket ticket;
  const cache::Entry* entry = nullptr;  // Pinned. nullptr: `rcode` without records, and `ede`.
  dns::Rcode rcode = dns::Rcode::ServFail;
  dns::Ede ede = dns::Ede::None;
  uint16_t unused[2] = {};
};

static_assert(std::is_trivially_copyable_v<Miss> && std::is_trivially_copyable_v<Fill>);
static_assert(sizeof(Miss) <= 320, "five cache lines at most");
static_assert(sizeof(Fill) == 24);

/// Wakes a worker that sleeps in epoll. Costs the core a system call only if the worker said that
/// it sleeps.
class Doorbell {
 public:
  Doorbell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Doorbell() {
    if (fd_ >= 0) close(fd_);
  }
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  [[nodiscard]] int fd() const { return fd_; }  // -1 if the process is out of descriptors.

  /// Worker: announce, then look at the rings once more, then wait. The fence pairs with the one in
  /// `ring`.
  void about_to_sleep() {
    asleep_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  /// Worker: after the wait, whatever ended it.
  void awake() { asleep_.store(false, std::memory_order_relaxed); }
  /// Worker: when the wait says that the bell was rung. Not after each wait: most end by other
  /// things, and a read is a system call.
  void silence() {
    uint64_t rings;
    (void)!read(fd_, &rings, sizeof rings);
  }
  /// Core: after pushing, once per batch.
  void ring() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!asleep_.load(std::memory_order_relaxed)) return;
    asleep_.store(false, std::memory_order_relaxed);
    const uint64_t once = 1;
    (void)!write(fd_, &once, sizeof once);
  }

 private:
  int fd_;
  std::atomic<bool> asleep_{false};
};

/// The rings between one core and one worker.
struct Lane {
  Lane(unsigned misses, unsigned fills) : miss(misses), fill(fills) {}
  base::Ring<Miss> miss;  // core → worker
  base::Ring<Fill> fill;  // worker → core

  /// Asker: has an answer fetched anew though no client waits. Refused if there is much else to do.
  [[nodiscard]] bool prefetch(const dns::Question& question, base::Time deadline) {
    if (miss.size() > miss.capacity() / 4) return false;
    return miss.push({question, kNobody, deadline});
  }
};

/// Every lane there is, and one doorbell per worker. Built before any thread starts, gone after all
/// have stopped.
class Exchange {
 public:
  struct Shape {
    unsigned cores = 1;
    unsigned workers = 1;
    unsigned fronts = 0;     // 0, or as many as workers.
    unsigned misses = 4096;  // Per lane: questions that a worker has not taken yet.
    unsigned fills = 4096;   // Per lane.
  };

  explicit Exchange(const Shape& shape) : shape_(shape), doorbells_(shape.workers) {
    lanes_.reserve(size_t{askers()} * shape.workers);
    for (unsigned i = 0; i < askers() * shape.workers; ++i) {
      lanes_.push_back(std::make_unique<Lane>(shape.misses, shape.fills));
    }
  }

  [[nodiscard]] unsigned cores() const { return shape_.cores; }
  [[nodiscard]] unsigned workers() const { return shape_.workers; }
  /// Cores and, behind them, the workers' frontends: all that have lanes.
  [[nodiscard]] unsigned askers() const { return shape_.cores + shape_.fronts; }
  [[nodiscard]] Lane& lane(unsigned asker, unsigned worker) {
    return *lanes_[asker * shape_.workers + worker];
  }
  [[nodiscard]] Doorbell& doorbell(unsigned worker) { return doorbells_[worker]; }

  /// Equal questions meet at the same worker, whichever core they came in on; so they merge there.
  [[nodiscard]] unsigned worker_of(const dns::Question& question) const {
    return static_cast<unsigned>(question.hash % shape_.workers);
  }

 private:
  Shape shape_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Doorbell> doorbells_;
};

}  // namespace exchange
