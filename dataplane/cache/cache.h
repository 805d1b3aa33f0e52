// The shared answer cache: read by every poll core without a lock, written by the TLS workers.
//
// A set-associative table: each question has one bucket of sixteen slots, two neighbouring cache
// lines, and an insert always finds a victim in it. One of the two lines is the question's home,
// where its answer goes while there is room, so that a lookup seldom needs the other. There are
// half as many slots again as entries may be, so that a bucket seldom overflows before the cache is
// full (at that point, one question in 150 has no slot of its own). A slot is one 8-byte word, an
// entry's address and 16 bits of its hash, published by one store; so a reader looks at an entry
// only if those bits agree.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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

/// Which answers a flush takes.
struct Selection {
  std::optional<dns::Name> name{};  // None: all of them.
  bool below = false;               // Names below it too.
  std::optional<dns::Type> type{};  // None: of every type.
};

class Cache {
 public:
  /// `entries`: how many answers it holds, at least 1. Aborts if there is no memory for that.
  Cache(std::string name, uint32_t entries);
  /// The same; nullptr if there is no memory for that.
  [[nodiscard]] static std::unique_ptr<Cache> create(std::string name, uint32_t entries);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Readers only, between joining and leaving. The live answer to `question`, or nullptr. The
  /// pointer is good until the reader's next quiescent report.
  [[nodiscard]] const Entry* find(const dns::Question& question, Time now) const {
    return find(question, now, probe(question));
  }

  /// For readers that have a burst of questions, the same in three steps, each of which asks memory
  /// for what the next one looks at: call the question's bucket; probe it for the entry that is
  /// probably the answer (nullptr: there is none) and call that; look at it.
  void prefetch_bucket(uint64_t hash) const { __builtin_prefetch(home_words(hash)); }
  [[nodiscard]] const Entry* probe(const dns::Question& question) const;
  [[nodiscard]] const Entry* find(const dns::Question& question, Time now,
                                  const Entry* probable) const;
  /// Readers, too: an entry for `question`, expired or not, that may be told since nothing better
  /// can be had; nullptr if there is none.
  [[nodiscard]] const Entry* find_tellable(const dns::Question& question, Time now,
                                           const Staleness& staleness) const;

  /// For the hit path, which compares a line's tags at once: the words of the line where the answer
  /// most likely is.
  [[nodiscard]] const std::atomic<uint64_t>* home_words(uint64_t hash) const {
    return &slot_at(hash, 0).word;
  }
  /// Those of the bucket's other line.
  [[nodiscard]] static const std::atomic<uint64_t>* other_words(
      const std::atomic<uint64_t>* words) {
    const auto* slots = reinterpret_cast<const Slot*>(words);
    return &(reinterpret_cast<uintptr_t>(words) % sizeof(Bucket) == 0 ? slots + kLineWays
                                                                      : slots - kLineWays)
                ->word;
  }
  static constexpr size_t kLineWays = 8;
  /// Never 0, which is an empty slot's.
  [[nodiscard]] static uint16_t tag_of(uint64_t hash) {
    const auto tag = static_cast<uint16_t>(hash);
    return tag != 0 ? tag : uint16_t{1};
  }
  [[nodiscard]] static const Entry* entry_of(uint64_t word, uint16_t tag) {
    return Slot::tagged(word, tag) ? Slot::entry_of(word) : nullptr;
  }
  static constexpr int kTagShift = 48;

  /// Publishes `entry` for its question. Whatever it displaces (an older answer, an expired one, or
  /// one of the bucket that was not touched lately) is retired to `reclaim`, the calling
  /// worker's own. Never refused.
  void insert(const dns::Question& question, Entry* entry, Time now, Reclaim& reclaim);

  // For the one worker whose question it is.

  /// The entry for `question`, expired or not, with a pin that is the caller's; nullptr if there is
  /// none.
  [[nodiscard]] const Entry* hold(const dns::Question& question);
  /// Publishes `entry` in the place of `held`, which is retired. False if that is not there any
  /// more; then nothing has happened.
  [[nodiscard]] bool replace(const dns::Question& question, const Entry* held, Entry* entry,
                             Reclaim& reclaim);
  /// Removes the entry for `question`, if there is one.
  void remove(const dns::Question& question, Reclaim& reclaim);

  /// Removes what `selection` says; returns how many. Any thread but a poll core; readers and
  /// writers go on, each bucket being closed to writers for a moment. An answer on its way at the
  /// time may come in behind it.
  uint64_t flush(const Selection& selection, Reclaim& reclaim);
  /// The same for those that `leaves` says.
  uint64_t flush_if(const std::function<bool(const Entry&)>& leaves, Reclaim& reclaim);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const CacheCounters& counters() const { return counters_; }
  [[nodiscard]] uint64_t capacity() const { return capacity_; }

  static constexpr size_t kWays = 16;

 private:
  /// The entry for `question`, `probable` or another one.
  [[nodiscard]] const Entry* look_up(const dns::Question& question, const Entry* probable) const;

  /// An entry's address in the low 48 bits (user space ends at 47 on x86-64), its tag above; 0:
  /// empty.
  struct Slot {
    std::atomic<uint64_t> word{0};

    // Acquires what `publish` released: a reader that sees the word sees the whole entry.
    [[nodiscard]] uint64_t load() const { return word.load(std::memory_order_acquire); }
    [[nodiscard]] Entry* entry() const { return entry_of(load()); }
    void publish(Entry* entry, uint64_t hash) {
      word.store(reinterpret_cast<uint64_t>(entry) | uint64_t{tag_of(hash)} << kTagShift,
                 std::memory_order_release);
    }
    void clear() { word.store(0, std::memory_order_release); }
    static Entry* entry_of(uint64_t word) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): one word for address and tag is the point.
      return reinterpret_cast<Entry*>(word & ((uint64_t{1} << kTagShift) - 1));
    }
    static bool tagged(uint64_t word, uint16_t tag) { return word >> kTagShift == tag; }
  };
  struct alignas(128) Bucket {
    std::array<Slot, kWays> slots;
  };
  static_assert(sizeof(Bucket) == 128, "two neighbouring cache lines");

  /// Locks for writers only; a power of two of them, so that neighbouring buckets rarely share one.
  static constexpr size_t kStripes = 256;

  // Multiply-shift instead of modulo: any number of buckets, no division. The upper half of the
  // hash chooses the bucket; a tag is the lowest 16 bits.
  [[nodiscard]] size_t index_of(uint64_t hash) const {
    return static_cast<size_t>((hash >> 32) * bucket_count_ >> 32);
  }
  [[nodiscard]] const Bucket& bucket(uint64_t hash) const { return buckets_[index_of(hash)]; }
  /// Takes `pages`, mapped for as many buckets.
  Cache(std::string name, uint32_t entries, std::byte* pages);
  [[nodiscard]] static uint32_t buckets_for(uint32_t entries);

  /// A slot's place in its bucket, counted from the question's home: one more bit of the hash says
  /// which of the two lines that is.
  static size_t place_of(uint64_t hash, size_t way) { return way ^ (hash >> 16 & 1) * kLineWays; }
  [[nodiscard]] const Slot& slot_at(uint64_t hash, size_t way) const {
    return bucket(hash).slots[place_of(hash, way)];
  }

  /// The slot of `bucket` that holds an answer to `question`; nullptr if there is none. And an
  /// empty one, the home line's first.
  static Slot* slot_with(Bucket& bucket, const dns::Question& question);
  static Slot* empty_slot(Bucket& bucket, uint64_t hash);
  /// Takes the entry out of `bucket` that expired first, or a victim, if it holds any.
  void make_room(Bucket& bucket, Time now, Reclaim& reclaim);
  /// A used slot; nullptr if there is none.
  static Slot* choose_victim(Bucket& bucket);
  /// Puts `entry` into a slot: readers no longer find the one that was there.
  void supplant(Slot& slot, const dns::Question& question, Entry* entry, Reclaim& reclaim);
  void count(const Entry& entry);
  /// `entry` is in the table no more.
  void discard(Entry* entry, Reclaim& reclaim);

  std::string name_;
  uint64_t capacity_;
  uint32_t bucket_count_;
  Bucket* buckets_;  // Owned, in large pages.
  std::array<std::mutex, kStripes> stripes_;
  CacheCounters counters_;
};

}  // namespace cache
