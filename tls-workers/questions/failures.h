// What could not be found out lately. A question that failed is not put to a backend again for a
// second, then two, then four, so that clients that ask again at once do not keep a resolver in
// trouble. RFC 9520 §3.2: at least one second, five minutes at most, with a back-off.
//
// A table of fixed size, by hash alone: hashes are keyed, so no client can make a question fail for
// another's failure, and chance does it once in 2^50. A newer failure takes an older one's place.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/base/clock.h"

namespace questions {

class Failures {
 public:
  Failures() : slots_(kSlots) {}

  /// Whether the question failed so lately that it fails again without being asked.
  [[nodiscard]] bool hold(uint64_t hash, base::Time now) const {
    const Slot& slot = at(hash);
    return is_of(slot, hash) && slot.in_a_row > 0 && now < slot.until;
  }
  /// For how long a failure that happens now should be kept: `first`, twice that if the question
  /// had failed already, and so on up to `longest`.
  [[nodiscard]] uint32_t lifetime(uint64_t hash, uint32_t first, uint32_t longest,
                                  base::Time now) const;
  /// No backend knew. Kept for `lifetime` seconds.
  void failed(uint64_t hash, uint32_t lifetime, base::Time now);
  void answered(uint64_t hash) {
    Slot& slot = at(hash);
    if (slot.hash == hash) slot.in_a_row = 0;
  }
  /// All of them, as if nothing had ever failed. By any thread, and at once.
  void forget() { generation_.fetch_add(1, std::memory_order_relaxed); }

  static constexpr uint32_t kFirst = 1;      // Seconds. RFC 9520 §3.2.
  static constexpr uint32_t kLongest = 300;  // The same.
  static constexpr size_t kSlots = 8192;

 private:
  struct Slot {
    uint64_t hash = 0;
    base::Time until{};
    uint32_t in_a_row = 0;
    uint32_t generation = 0;  // When it was written.
  };

  [[nodiscard]] Slot& at(uint64_t hash) { return slots_[hash % kSlots]; }
  [[nodiscard]] const Slot& at(uint64_t hash) const { return slots_[hash % kSlots]; }
  /// Failures further apart than this have nothing to do with each other.
  [[nodiscard]] bool remembered(const Slot& slot, uint64_t hash, base::Time now) const {
    return is_of(slot, hash) && now < slot.until + base::seconds(kLongest);
  }
  [[nodiscard]] bool is_of(const Slot& slot, uint64_t hash) const {
    return slot.hash == hash && slot.generation == generation_.load(std::memory_order_relaxed);
  }

  std::vector<Slot> slots_;
  std::atomic<uint32_t> generation_{0};
};

}  // namespace questions
