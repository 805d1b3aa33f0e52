#include "dataplane/cache/cache.h"

#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

#include "dataplane/cache/pages.h"

namespace cache {
namespace {

constexpr uint64_t slots_for(uint64_t entries) { return entries + entries / 2; }

}  // namespace

Cache::Cache(std::string name, uint32_t entries)
    : name_(std::move(name)),
      capacity_(entries),
      bucket_count_(static_cast<uint32_t>((slots_for(entries) + kWays - 1) / kWays)) {
  std::byte* pages = map_pages(bucket_count_ * sizeof(Bucket));
  if (pages == nullptr) {
    std::fprintf(stderr, "packet cache \"%s\": no memory for a table of %u entries\n",
                 name_.c_str(), entries);
    std::abort();
  }
  buckets_ = new (pages) Bucket[bucket_count_];
}

Cache::~Cache() {
  // No reader and no writer is left when a cache goes.
  for (uint32_t i = 0; i < bucket_count_; ++i) {
    for (const Slot& slot : buckets_[i].slots) {
      if (Entry* entry = slot.entry()) destroy_entry(entry);
    }
  }
  unmap_pages(reinterpret_cast<std::byte*>(buckets_), bucket_count_ * sizeof(Bucket));
}

const Entry* Cache::probe(const dns::Question& question) const {
  const uint16_t tag = tag_of(question.hash);
  for (const Slot& slot : bucket(question.hash).slots) {
    const Entry* entry = entry_of(slot.load(), tag);
    if (entry == nullptr) continue;
    // A small answer is head, name and records: two lines.
    const auto* lines = reinterpret_cast<const std::byte*>(entry);
    __builtin_prefetch(lines);
    __builtin_prefetch(lines + 64);
    return entry;
  }
  return nullptr;
}

const Entry* Cache::find(const dns::Question& question, Time now, const Entry* probable) const {
  if (probable == nullptr) return nullptr;
  const Entry* found = probable->answers(question) ? probable : nullptr;
  // Another question's with the same tag: once in thousands of lookups. Now every slot is looked
  // at.
  for (size_t way = 0; found == nullptr && way < kWays; ++way) {
    const Entry* entry = entry_of(bucket(question.hash).slots[way].load(), tag_of(question.hash));
    if (entry != nullptr && entry->answers(question)) found = entry;
  }
  if (found == nullptr || found->expires() <= now) return nullptr;
  found->touch();
  return found;
}

void Cache::insert(const dns::Question& question, Entry* entry, Time now, Reclaim& reclaim) {
  const size_t index = index_of(question.hash);
  const std::lock_guard lock(stripes_[index % kStripes]);
  Slot& slot = choose_slot(buckets_[index], question, now);
  Entry* displaced = slot.entry();
  const bool evicted =
      displaced != nullptr && displaced->expires() > now && !displaced->answers(question);
  slot.publish(entry, question.hash);

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

/// In this order: the same question's slot, an empty one, an expired one, one that was not touched
/// since it was last passed over.
Cache::Slot& Cache::choose_slot(Bucket& bucket, const dns::Question& question, Time now) {
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
  const bool full = counters_.entries.load(std::memory_order_relaxed) >= capacity_;
  if (empty != nullptr && !full) return *empty;
  if (expired != nullptr) return *expired;
  // Where the search starts differs from question to question, so no slot of a bucket is safer than
  // another.
  Slot* victim = choose_victim(bucket, question.hash % kWays);
  return victim != nullptr ? *victim : *empty;  // A bucket without a victim is empty.
}

Cache::Slot* Cache::choose_victim(Bucket& bucket, size_t start) {
  Slot* touched = nullptr;
  for (size_t step = 0; step < kWays; ++step) {
    Slot& slot = bucket.slots[(start + step) % kWays];
    const Entry* entry = slot.entry();
    if (entry == nullptr) continue;
    if (!entry->take_touch()) return &slot;
    if (touched == nullptr) touched = &slot;
  }
  return touched;  // All were touched; all have lost their mark now.
}

}  // namespace cache
