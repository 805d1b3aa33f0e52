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
    for (Slot& slot : buckets_[i].slots) {
      if (Entry* entry = slot.entry()) destroy_entry(entry);
    }
  }
}

const Entry* Cache::find(const dns::Question& question, Time now) const {
  const Bucket& bucket = buckets_[bucket_of(question.hash)];
  const uint16_t tag = tag_of(question.hash);
  for (const Slot& slot : bucket.slots) {
    // The load acquires what `publish` released: whoever sees the word sees the whole entry.
    const uint64_t word = slot.word();
    if (!Slot::tagged(word, tag)) continue;
    const Entry* entry = Slot::entry_of(word);
    if (!entry->answers(question)) continue;
    if (entry->expires() <= now) return nullptr;
    entry->touch();
    return entry;
  }
  return nullptr;
}

void Cache::prefetch_entry(const dns::Question& question) const {
  const Bucket& bucket = buckets_[bucket_of(question.hash)];
  const uint16_t tag = tag_of(question.hash);
  for (const Slot& slot : bucket.slots) {
    const uint64_t word = slot.word();
    if (!Slot::tagged(word, tag)) continue;
    // A small answer is head, places, name and records: three lines.
    const auto* entry = reinterpret_cast<const std::byte*>(Slot::entry_of(word));
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 64);
    __builtin_prefetch(entry + 128);
  }
}

void Cache::insert(const dns::Question& question, Entry* entry, Time now, Reclaim& reclaim) {
  const size_t index = bucket_of(question.hash);
  rte_spinlock_t& stripe = stripes_[index % kStripes];
  rte_spinlock_lock(&stripe);
  // Where the search for a victim starts differs from question to question, so no slot of a bucket is safer than another.
  Slot& slot = choose_slot(buckets_[index], question, now, question.hash % kWays);
  Entry* displaced = slot.entry();
  const bool evicted = displaced != nullptr && displaced->expires() > now && !displaced->answers(question);
  slot.publish(entry);
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
Cache::Slot& Cache::choose_slot(Bucket& bucket, const dns::Question& question, Time now, size_t start) {
  Slot* empty = nullptr;
  Slot* expired = nullptr;
  for (Slot& slot : bucket.slots) {
    const Entry* entry = slot.entry();
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
    Slot& slot = bucket.slots[(start + step) % kWays];
    if (!slot.entry()->take_touch()) return slot;
  }
  return bucket.slots[start];  // All were touched; all have lost their mark now.
}

}  // namespace cache
