#include "dataplane/cache/cache.h"

#include <utility>

namespace cache {

Cache::Cache(std::string name, uint32_t entries)
    : name_(std::move(name)),
      bucket_count_(static_cast<uint32_t>((uint64_t{entries} + kWays - 1) / kWays)),
      buckets_(std::make_unique<Bucket[]>(bucket_count_)) {
  for (rte_spinlock_t& stripe : stripes_) rte_spinlock_init(&stripe);
}

Cache::~Cache() {
  // No reader and no writer is left when a cache goes.
  for (uint32_t i = 0; i < bucket_count_; ++i) {
    for (std::atomic<Entry*>& slot : buckets_[i].slots) {
      if (Entry* entry = slot.load(std::memory_order_relaxed)) destroy_entry(entry);
    }
  }
}

const Entry* Cache::find(const dns::Question& question, Time now) const {
  const Bucket& bucket = buckets_[bucket_of(question.hash)];
  for (const std::atomic<Entry*>& slot : bucket.slots) {
    // Acquire pairs with the release in `insert`: whoever sees the pointer sees the whole entry.
    const Entry* entry = slot.load(std::memory_order_acquire);
    if (entry == nullptr || !entry->answers(question)) continue;
    if (entry->expires() <= now) return nullptr;
    entry->touch();
    return entry;
  }
  return nullptr;
}

void Cache::insert(const dns::Question& question, Entry* entry, Time now, Reclaim& reclaim) {
  const size_t index = bucket_of(question.hash);
  rte_spinlock_t& stripe = stripes_[index % kStripes];
  rte_spinlock_lock(&stripe);
  // Where the search for a victim starts differs from question to question, so no slot of a bucket is safer than another.
  std::atomic<Entry*>& slot = choose_slot(buckets_[index], question, now, question.hash % kWays);
  Entry* displaced = slot.load(std::memory_order_relaxed);
  const bool evicted = displaced != nullptr && displaced->expires() > now && !displaced->answers(question);
  slot.store(entry, std::memory_order_release);
  rte_spinlock_unlock(&stripe);

  counters_.inserts.fetch_add(1, std::memory_order_relaxed);
  counters_.bytes.fetch_add(entry->footprint(), std::memory_order_relaxed);
  if (displaced == nullptr) {
    counters_.entries.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (evicted) counters_.evictions.fetch_add(1, std::memory_order_relaxed);
  counters_.bytes.fetch_sub(displaced->footprint(), std::memory_order_relaxed);
  reclaim.retire(displaced);
}

/// In this order: the same question's slot, an empty one, an expired one, one that was not touched since it was last passed over.
std::atomic<Entry*>& Cache::choose_slot(Bucket& bucket, const dns::Question& question, Time now, size_t start) {
  std::atomic<Entry*>* empty = nullptr;
  std::atomic<Entry*>* expired = nullptr;
  for (std::atomic<Entry*>& slot : bucket.slots) {
    const Entry* entry = slot.load(std::memory_order_relaxed);
    if (entry == nullptr) {
      empty = &slot;
    } else if (entry->answers(question)) {
      return slot;
    } else if (entry->expires() <= now) {
      expired = &slot;
    }
  }
  if (empty != nullptr) return *empty;
  if (expired != nullptr) return *expired;
  for (size_t step = 0; step < kWays; ++step) {
    std::atomic<Entry*>& slot = bucket.slots[(start + step) % kWays];
    if (!slot.load(std::memory_order_relaxed)->take_touch()) return slot;
  }
  return bucket.slots[start];  // All were touched; all have lost their mark now.
}

}  // namespace cache
