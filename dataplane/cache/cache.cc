#include "dataplane/cache/cache.h"

#include <utility>

namespace cache {
namespace {

/// Both of a question's stripes, in the order of their addresses, so that two writers never wait
/// for each other in a circle.
class StripesLock {
 public:
  StripesLock(std::mutex& a, std::mutex& b) : low_(&a < &b ? a : b), high_(&a < &b ? b : a) {
    low_.lock();
    if (&high_ != &low_) high_.lock();
  }
  ~StripesLock() {
    if (&high_ != &low_) high_.unlock();
    low_.unlock();
  }
  StripesLock(const StripesLock&) = delete;
  StripesLock& operator=(const StripesLock&) = delete;

 private:
  std::mutex& low_;
  std::mutex& high_;
};

}  // namespace

Cache::Cache(std::string name, uint32_t entries)
    : name_(std::move(name)),
      bucket_count_(static_cast<uint32_t>((uint64_t{entries} + kWays - 1) / kWays)),
      buckets_(std::make_unique<Bucket[]>(bucket_count_)) {}

Cache::~Cache() {
  // No reader and no writer is left when a cache goes.
  for (uint32_t i = 0; i < bucket_count_; ++i) {
    for (Slot& slot : buckets_[i].slots) {
      if (Entry* entry = slot.entry()) destroy_entry(entry);
    }
  }
}

template <typename Predicate>
const Entry* Cache::find_in(const Bucket& bucket, uint16_t tag, Predicate is_it) {
  for (const Slot& slot : bucket.slots) {
    // The load acquires what `publish` released: whoever sees the word sees the whole entry.
    const uint64_t word = slot.word();
    if (!Slot::tagged(word, tag)) continue;
    const Entry* entry = Slot::entry_of(word);
    if (is_it(*entry)) return entry;
  }
  return nullptr;
}

const Entry* Cache::probe(const dns::Question& question) const {
  const auto first_tagged = [](const Entry&) { return true; };
  const uint16_t tag = tag_of(question.hash);
  const Entry* entry = find_in(buckets_[first_bucket(question.hash)], tag, first_tagged);
  if (entry == nullptr) {
    entry = find_in(buckets_[second_bucket(question.hash)], tag, first_tagged);
  }
  if (entry == nullptr) return nullptr;
  // A small answer is head, places, name and records: three lines.
  const auto* lines = reinterpret_cast<const std::byte*>(entry);
  __builtin_prefetch(lines);
  __builtin_prefetch(lines + 64);
  __builtin_prefetch(lines + 128);
  return entry;
}

const Entry* Cache::find(const dns::Question& question, Time now, const Entry* probable) const {
  if (probable == nullptr) return nullptr;
  const Entry* entry = probable;
  if (!entry->answers(question)) {
    // Another question's with the same tag: once in thousands of lookups. Now every slot is looked
    // at.
    const auto answers = [&question](const Entry& other) { return other.answers(question); };
    const uint16_t tag = tag_of(question.hash);
    entry = find_in(buckets_[first_bucket(question.hash)], tag, answers);
    if (entry == nullptr) {
      entry = find_in(buckets_[second_bucket(question.hash)], tag, answers);
    }
  }
  if (entry == nullptr || entry->expires() <= now) return nullptr;
  entry->touch();
  return entry;
}

void Cache::insert(const dns::Question& question, Entry* entry, Time now, Reclaim& reclaim) {
  const StripesLock lock(stripes_[first_bucket(question.hash) % kStripes],
                         stripes_[second_bucket(question.hash) % kStripes]);
  Slot& slot = choose_slot(question, now);
  Entry* displaced = slot.entry();
  const bool evicted =
      displaced != nullptr && displaced->expires() > now && !displaced->answers(question);
  slot.publish(entry);

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
Cache::Slot& Cache::choose_slot(const dns::Question& question, Time now) {
  Bucket& first = buckets_[first_bucket(question.hash)];
  Bucket& second = buckets_[second_bucket(question.hash)];
  const Survey in_first = survey(first, question, now);
  const Survey in_second = survey(second, question, now);
  if (in_first.same != nullptr) return *in_first.same;
  if (in_second.same != nullptr) return *in_second.same;
  // The emptier bucket, so that both fill evenly; the first on a tie, so that a reader seldom needs
  // the second.
  const Survey& emptier = in_second.empties > in_first.empties ? in_second : in_first;
  if (emptier.empty != nullptr) return *emptier.empty;
  if (in_first.expired != nullptr) return *in_first.expired;
  if (in_second.expired != nullptr) return *in_second.expired;
  // Where the search starts differs from question to question, so no slot of a bucket is safer than
  // another.
  return choose_victim(first, second, question.hash % (2 * kWays));
}

Cache::Survey Cache::survey(Bucket& bucket, const dns::Question& question, Time now) {
  Survey found;
  for (Slot& slot : bucket.slots) {
    const Entry* entry = slot.entry();
    if (entry == nullptr) {
      found.empty = &slot;
      ++found.empties;
    } else if (entry->answers(question)) {
      found.same = &slot;
    } else if (entry->expires() <= now) {
      found.expired = &slot;
    }
  }
  return found;
}

Cache::Slot& Cache::choose_victim(Bucket& first, Bucket& second, size_t start) {
  const auto at = [&](size_t position) -> Slot& {
    Bucket& bucket = position % (2 * kWays) < kWays ? first : second;
    return bucket.slots[position % kWays];
  };
  for (size_t step = 0; step < 2 * kWays; ++step) {
    if (!at(start + step).entry()->take_touch()) return at(start + step);
  }
  return at(start);  // All were touched; all have lost their mark now.
}

}  // namespace cache
