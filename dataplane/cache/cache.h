// The shared answer cache: read by every poll core without a lock, written by the TLS workers.
//
// A set-associative table: each question has two buckets of eight slots, a cache line each, so a
// lookup touches at most two lines and an insert always finds a victim. With one bucket some
// overflow long before the table is full (at half full, 0.8 % of all answers would find no place);
// with a second to go to, the table fills up. A slot is one 8-byte word, an entry's address and 16
// bits of its hash, published by one store; so a reader looks at an entry only if those bits agree.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "dataplane/base/counters.h"
#include "dataplane/cache/entry.h"
#include "dataplane/cache/reclaim.h"

namespace cache {

/// Written by many workers, under a stripe's lock; read by anyone.
struct CacheCounters {
  std::atomic<uint64_t> inserts{0};
  std::atomic<uint64_t> evictions{0};  // Live entries that gave way to another question.
  std::atomic<uint64_t> entries{0};
  std::atomic<uint64_t> bytes{0};
};

class Cache {
 public:
  /// `entries`: at least 1, rounded up to whole buckets of 8.
  Cache(std::string name, uint32_t entries);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Readers only, between joining and leaving. The live answer to `question`, or nullptr. The
  /// pointer is good until the reader's next quiescent report.
  [[nodiscard]] const Entry* find(const dns::Question& question, Time now) const {
    return find(question, now, probe(question));
  }

  /// For readers that have a burst of questions, the same in three steps, each of which asks memory
  /// for what the next one looks at: call the question's buckets; probe them for the entry that is
  /// probably the answer (nullptr: there is none) and call that; look at it.
  void prefetch_buckets(const dns::Question& question) const {
    __builtin_prefetch(&buckets_[first_bucket(question.hash)]);
    __builtin_prefetch(&buckets_[second_bucket(question.hash)]);
  }
  [[nodiscard]] const Entry* probe(const dns::Question& question) const;
  [[nodiscard]] const Entry* find(const dns::Question& question, Time now,
                                  const Entry* probable) const;

  /// Publishes `entry` for its question. Whatever it displaces (an older answer, an expired one, or
  /// one of the two buckets that was not touched lately) is retired to `reclaim`, the calling
  /// worker's own. Never refused.
  void insert(const dns::Question& question, Entry* entry, Time now, Reclaim& reclaim);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const CacheCounters& counters() const { return counters_; }
  [[nodiscard]] uint64_t capacity() const { return uint64_t{bucket_count_} * kWays; }

  static constexpr size_t kWays = 8;

 private:
  /// An entry's address in the low 48 bits (user space ends at 47 on x86-64), its tag above; 0:
  /// empty.
  class Slot {
   public:
    [[nodiscard]] uint64_t word() const { return word_.load(std::memory_order_acquire); }
    [[nodiscard]] Entry* entry() const { return entry_of(word()); }
    void publish(Entry* entry) {
      word_.store(
          reinterpret_cast<uint64_t>(entry) | uint64_t{tag_of(entry->hash())} << kAddressBits,
          std::memory_order_release);
    }
    static Entry* entry_of(uint64_t word) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): one word for address and tag is the point.
      return reinterpret_cast<Entry*>(word & ((uint64_t{1} << kAddressBits) - 1));
    }
    static bool tagged(uint64_t word, uint16_t tag) {
      return word >> kAddressBits == tag && word != 0;
    }

   private:
    static constexpr int kAddressBits = 48;
    std::atomic<uint64_t> word_{0};
  };
  struct alignas(64) Bucket {
    std::array<Slot, kWays> slots;
  };
  static_assert(sizeof(Bucket) == 64, "one bucket, one cache line");

  /// Locks for writers only; a power of two of them, so that neighbouring buckets rarely share one.
  static constexpr size_t kStripes = 256;

  // Multiply-shift instead of modulo: any number of buckets, no division. The upper half of the
  // hash chooses the first bucket, the lower half the second; a tag is the lowest 16 bits, which
  // hardly matter to either choice.
  [[nodiscard]] size_t first_bucket(uint64_t hash) const {
    return scaled(static_cast<uint32_t>(hash >> 32));
  }
  [[nodiscard]] size_t second_bucket(uint64_t hash) const {
    return scaled(static_cast<uint32_t>(hash));
  }
  [[nodiscard]] size_t scaled(uint32_t half) const {
    return static_cast<size_t>(uint64_t{half} * bucket_count_ >> 32);
  }
  static uint16_t tag_of(uint64_t hash) { return static_cast<uint16_t>(hash); }

  /// The first entry of `bucket` that passes `is_it`, of those whose tag agrees.
  template <typename Predicate>
  static const Entry* find_in(const Bucket& bucket, uint16_t tag, Predicate is_it);

  /// What a writer needs to know of one bucket; a pointer is null if there is no such slot.
  struct Survey {
    Slot* same = nullptr;  // Holds an answer to this question.
    Slot* empty = nullptr;
    Slot* expired = nullptr;
    unsigned empties = 0;
  };
  static Survey survey(Bucket& bucket, const dns::Question& question, Time now);
  Slot& choose_slot(const dns::Question& question, Time now);
  Slot& choose_victim(Bucket& first, Bucket& second, size_t start);

  std::string name_;
  uint32_t bucket_count_;
  std::unique_ptr<Bucket[]> buckets_;
  std::array<std::mutex, kStripes> stripes_;
  CacheCounters counters_;
};

}  // namespace cache
