// The shared answer cache: read by every poll core without a lock, written by the TLS workers.
//
// A set-associative table: each question has one bucket of eight slots, so a lookup touches a bounded number of lines and an
// insert always finds a victim. A slot is one 8-byte pointer, published by one store.
#pragma once

#include <rte_spinlock.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
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

  /// Readers only, between joining and leaving. The live answer to `question`, or nullptr. The pointer is good until the
  /// reader's next quiescent report.
  [[nodiscard]] const Entry* find(const dns::Question& question, Time now) const;

  /// Publishes `entry` for its question. Whatever it displaces (an older answer, an expired one, or the bucket's least recently
  /// touched one) is retired to `reclaim`, the calling worker's own. Never refused.
  void insert(const dns::Question& question, Entry* entry, Time now, Reclaim& reclaim);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const CacheCounters& counters() const { return counters_; }
  [[nodiscard]] uint64_t capacity() const { return uint64_t{bucket_count_} * kWays; }

  static constexpr size_t kWays = 8;

 private:
  struct alignas(64) Bucket {
    std::array<std::atomic<Entry*>, kWays> slots;
  };
  static_assert(sizeof(Bucket) == 64, "one bucket, one cache line");

  /// Locks for writers only; a power of two of them, so that neighbouring buckets rarely share one.
  static constexpr size_t kStripes = 256;

  [[nodiscard]] size_t bucket_of(uint64_t hash) const {
    // Multiply-shift instead of modulo: any number of buckets, no division.
    return static_cast<size_t>((hash >> 32) * bucket_count_ >> 32);
  }
  std::atomic<Entry*>& choose_slot(Bucket& bucket, const dns::Question& question, Time now, size_t start);

  std::string name_;
  uint32_t bucket_count_;
  std::unique_ptr<Bucket[]> buckets_;
  std::array<rte_spinlock_t, kStripes> stripes_;
  CacheCounters counters_;
};

}  // namespace cache
