#include "dataplane/cache/cache.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

#include "dataplane/cache/pages.h"
#include "dataplane/cache/slabs.h"

namespace cache {
namespace {

constexpr uint64_t slots_for(uint64_t entries) { return entries + entries / 2; }

/// Whether `name` is `top` or below it: what is left of it after some of its labels.
bool is_below(ByteView name, ByteView top) {
  while (name.size() > top.size()) name = name.subspan(1 + std::to_integer<size_t>(name.front()));
  return std::ranges::equal(name, top);
}

bool selected(const Entry& entry, const Selection& selection) {
  if (selection.type && entry.type() != *selection.type) return false;
  if (!selection.name) return true;
  const ByteView wanted = selection.name->wire();
  return selection.below ? is_below(entry.name(), wanted)
                         : std::ranges::equal(entry.name(), wanted);
}

}  // namespace

Cache::Cache(std::string name, uint32_t entries)
    : Cache(std::move(name), entries, map_pages(buckets_for(entries) * sizeof(Bucket))) {
  if (buckets_ != nullptr) return;
  std::fprintf(stderr, "packet cache \"%s\": no memory for a table of %u entries\n", name_.c_str(),
               entries);
  std::abort();
}

Cache::Cache(std::string name, uint32_t entries, std::byte* pages)
    : name_(std::move(name)),
      capacity_(entries),
      bucket_count_(buckets_for(entries)),
      buckets_(pages == nullptr ? nullptr : new (pages) Bucket[bucket_count_]) {}

std::unique_ptr<Cache> Cache::create(std::string name, uint32_t entries) {
  std::byte* pages = map_pages(buckets_for(entries) * sizeof(Bucket));
  if (pages == nullptr) return nullptr;
  return std::unique_ptr<Cache>(new Cache(std::move(name), entries, pages));
}

uint32_t Cache::buckets_for(uint32_t entries) {
  return static_cast<uint32_t>((slots_for(entries) + kWays - 1) / kWays);
}

Cache::~Cache() {
  // No reader and no writer is left when a cache goes.
  for (size_t i = 0; i < bucket_count_; ++i) {
    for (const Slot& slot : buckets_[i].slots) {
      if (Entry* entry = slot.entry()) destroy_entry(entry);
    }
  }
  unmap_pages(reinterpret_cast<std::byte*>(buckets_), bucket_count_ * sizeof(Bucket));
}

const Entry* Cache::probe(const dns::Question& question) const {
  const uint16_t tag = tag_of(question.hash);
  for (size_t way = 0; way < kWays; ++way) {
    const Entry* entry = entry_of(slot_at(question.hash, way).load(), tag);
    if (entry == nullptr) continue;
    // A small answer is head, name and records: two lines.
    const auto* lines = reinterpret_cast<const std::byte*>(entry);
    __builtin_prefetch(lines);
    __builtin_prefetch(lines + 64);
    return entry;
  }
  return nullptr;
}

const Entry* Cache::look_up(const dns::Question& question, const Entry* probable) const {
  if (probable == nullptr || probable->answers(question)) return probable;
  // Another question's with the same tag: once in thousands of lookups. Now every slot is looked
  // at.
  for (size_t way = 0; way < kWays; ++way) {
    const Entry* entry = entry_of(slot_at(question.hash, way).load(), tag_of(question.hash));
    if (entry != nullptr && entry->answers(question)) return entry;
  }
  return nullptr;
}

const Entry* Cache::find(const dns::Question& question, Time now, const Entry* probable) const {
  const Entry* found = look_up(question, probable);
  if (found == nullptr || found->expires() <= now) return nullptr;
  found->touch();
  return found;
}

const Entry* Cache::find_tellable(const dns::Question& question, Time now,
                                  const Staleness& staleness) const {
  const Entry* found = look_up(question, probe(question));
  return found != nullptr && found->may_be_served_stale(now, staleness) ? found : nullptr;
}

void Cache::insert(const dns::Question& question, Entry* entry, Time now, Reclaim& reclaim) {
  const size_t index = index_of(question.hash);
  const std::lock_guard lock(stripes_[index % kStripes]);
  Bucket& bucket = buckets_[index];
  counters_.inserts.fetch_add(1, std::memory_order_relaxed);
  if (Slot* same = slot_with(bucket, question)) return supplant(*same, question, entry, reclaim);
  count(*entry);
  const bool full =
      counters_.entries.load(std::memory_order_relaxed) > capacity_ || memory_is_short(now);
  if (full || empty_slot(bucket, question.hash) == nullptr) make_room(bucket, now, reclaim);
  Slot* empty = empty_slot(bucket, question.hash);
  (empty != nullptr ? *empty : bucket.slots.front()).publish(entry, question.hash);
}

const Entry* Cache::hold(const dns::Question& question) {
  const size_t index = index_of(question.hash);
  const std::lock_guard lock(stripes_[index % kStripes]);
  const Slot* slot = slot_with(buckets_[index], question);
  if (slot == nullptr) return nullptr;
  // Pinned before a writer that displaces it can get the lock and retire it.
  slot->entry()->pin();
  return slot->entry();
}

bool Cache::replace(const dns::Question& question, const Entry* held, Entry* entry,
                    Reclaim& reclaim) {
  const size_t index = index_of(question.hash);
  const std::lock_guard lock(stripes_[index % kStripes]);
  Slot* slot = slot_with(buckets_[index], question);
  if (slot == nullptr || slot->entry() != held) return false;
  supplant(*slot, question, entry, reclaim);
  return true;
}

void Cache::remove(const dns::Question& question, Reclaim& reclaim) {
  const size_t index = index_of(question.hash);
  const std::lock_guard lock(stripes_[index % kStripes]);
  Slot* slot = slot_with(buckets_[index], question);
  if (slot == nullptr) return;
  Entry* entry = slot->entry();
  slot->clear();
  discard(entry, reclaim);
}

void Cache::supplant(Slot& slot, const dns::Question& question, Entry* entry, Reclaim& reclaim) {
  count(*entry);
  // In its place at once: a reader finds the old answer or the new one.
  Entry* old = slot.entry();
  slot.publish(entry, question.hash);
  discard(old, reclaim);
}

uint64_t Cache::flush(const Selection& selection, Reclaim& reclaim) {
  return flush_if([&](const Entry& entry) { return selected(entry, selection); }, reclaim);
}

uint64_t Cache::flush_if(const std::function<bool(const Entry&)>& leaves, Reclaim& reclaim) {
  uint64_t flushed = 0;
  for (size_t index = 0; index < bucket_count_; ++index) {
    const std::lock_guard lock(stripes_[index % kStripes]);
    for (Slot& slot : buckets_[index].slots) {
      Entry* entry = slot.entry();
      if (entry == nullptr || !leaves(*entry)) continue;
      slot.clear();
      discard(entry, reclaim);
      ++flushed;
    }
  }
  return flushed;
}

Cache::Slot* Cache::slot_with(Bucket& bucket, const dns::Question& question) {
  const uint16_t tag = tag_of(question.hash);
  for (Slot& slot : bucket.slots) {
    // Entries of other tags are not looked at: each would be a miss in the CPU's cache.
    const Entry* entry = entry_of(slot.load(), tag);
    if (entry != nullptr && entry->answers(question)) return &slot;
  }
  return nullptr;
}

Cache::Slot* Cache::empty_slot(Bucket& bucket, uint64_t hash) {
  for (size_t way = 0; way < kWays; ++way) {
    Slot& slot = bucket.slots[place_of(hash, way)];
    if (slot.entry() == nullptr) return &slot;
  }
  return nullptr;
}

void Cache::make_room(Bucket& bucket, Time now, Reclaim& reclaim) {
  // Sixteen entries, none of them in the CPU's cache: all are called before any is waited for.
  for (const Slot& slot : bucket.slots) __builtin_prefetch(slot.entry());
  Slot* expired = nullptr;
  for (Slot& slot : bucket.slots) {
    const Entry* entry = slot.entry();
    if (entry == nullptr || entry->expires() > now) continue;
    if (expired == nullptr || entry->expires() < expired->entry()->expires()) expired = &slot;
  }
  Slot* leaving = expired != nullptr ? expired : choose_victim(bucket);
  if (leaving == nullptr) return;
  if (expired == nullptr) counters_.evictions.fetch_add(1, std::memory_order_relaxed);
  Entry* entry = leaving->entry();
  leaving->clear();
  discard(entry, reclaim);
}

/// The oldest of those not asked for since they came or since all were asked for. Under Zipf's law
/// that keeps names in demand better than a list by last use does, and a scan of new names pushes
/// out but the scan itself.
Cache::Slot* Cache::choose_victim(Bucket& bucket) {
  Slot* oldest = nullptr;
  Slot* oldest_untouched = nullptr;
  const auto is_older = [](const Entry& entry, const Slot* than) {
    return than == nullptr || entry.inserted() < than->entry()->inserted();
  };
  for (Slot& slot : bucket.slots) {
    const Entry* entry = slot.entry();
    if (entry == nullptr) continue;
    if (is_older(*entry, oldest)) oldest = &slot;
    if (!entry->touched() && is_older(*entry, oldest_untouched)) oldest_untouched = &slot;
  }
  if (oldest_untouched != nullptr) return oldest_untouched;
  for (const Slot& slot : bucket.slots) {
    if (const Entry* entry = slot.entry()) entry->clear_touch();
  }
  return oldest;
}

void Cache::count(const Entry& entry) {
  counters_.entries.fetch_add(1, std::memory_order_relaxed);
  counters_.bytes.fetch_add(entry.footprint(), std::memory_order_relaxed);
}

void Cache::discard(Entry* entry, Reclaim& reclaim) {
  counters_.entries.fetch_sub(1, std::memory_order_relaxed);
  counters_.bytes.fetch_sub(entry->footprint(), std::memory_order_relaxed);
  reclaim.retire(entry);
}

}  // namespace cache
