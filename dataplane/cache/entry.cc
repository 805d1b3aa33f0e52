#include "dataplane/cache/entry.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "dataplane/base/sum.h"
#include "dataplane/cache/slabs.h"

namespace cache {
namespace {

/// A tenth of less would be less than a second.
constexpr base::seconds kShortestPrefetch{10};

constexpr size_t rounded(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

/// Where the parts of an entry lie in its block, and what the block has to hold so that the hit
/// path may load whole pieces.
struct Places {
  size_t ede_at;
  size_t places_at;
  size_t records_at;
  size_t size;  // Of the tail.
};

uint64_t header_of(const dns::Content& content) {
  const auto rcode = static_cast<uint16_t>(content.rcode);
  const uint64_t flags =
      uint64_t{dns::flag::kQr | dns::flag::kRd | dns::flag::kRa} | (rcode & dns::flag::kRcodeMask);
  return __builtin_bswap64(flags << 48 | uint64_t{1} << 32 | uint64_t{content.answers} << 16 |
                           content.authorities);
}

enum class Explained : uint8_t { No, Yes };

Places places_of(size_t name_size, Explained explained, size_t ttl_count, size_t records_size) {
  const size_t ede_at = rounded(name_size, sizeof(dns::Ede));
  const size_t places_at = ede_at + (explained == Explained::Yes ? sizeof(dns::Ede) : 0);
  const size_t records_at = places_at + ttl_count * sizeof(uint16_t);
  return {ede_at, places_at, records_at, records_at + rounded(records_size, Entry::kChunk)};
}

}  // namespace

bool Entry::answers(const dns::Question& question) const {
  return key_ == key_of(question) &&
         std::memcmp(question.name.wire().data(), tail(), name_size()) == 0;
}

dns::Content Entry::content(Time now) const {
  return {.rcode = static_cast<dns::Rcode>(extended_rcode_ << 4 |
                                           (header_word(0) & dns::flag::kRcodeMask)),
          .authenticated = authenticated_,
          .answers = header_word(2),
          .authorities = header_word(3),
          .additionals = additionals_,
          .records = records(),
          .ttl_places = ttl_places(),
          .age = stale_ ? 0 : base::whole_seconds(inserted_, now),
          .ede = ede()};
}

bool Entry::may_be_served_stale(Time now, const Staleness& staleness) const {
  const uint16_t rcode = header_word(0) & dns::flag::kRcodeMask;
  const bool known = extended_rcode_ == 0 && (rcode == static_cast<uint16_t>(dns::Rcode::NoError) ||
                                              rcode == static_cast<uint16_t>(dns::Rcode::NxDomain));
  return known && now < fresh_until() + base::seconds(staleness.max_stale);
}

dns::Content Entry::stale_content(const Staleness& staleness) const {
  dns::Content told = content(inserted_);
  told.ttl = staleness.stale_ttl;
  told.ede = told.rcode == dns::Rcode::NxDomain ? dns::Ede::StaleNxDomain : dns::Ede::StaleAnswer;
  return told;
}

size_t Entry::footprint() const {
  const Places places = places_of(name_size(), explained_ ? Explained::Yes : Explained::No,
                                  ttl_count_, records_size_);
  return block_size(sizeof(Entry) + places.size);
}

Entry* make_entry(const NewEntry& from) {
  const ByteView name = from.question.name.wire();
  const dns::Content& content = from.content;
  const bool explained = content.ede != dns::Ede::None;
  const Places places = places_of(name.size(), explained ? Explained::Yes : Explained::No,
                                  content.ttl_places.size(), content.records.size());
  std::byte* memory = allocate_block(sizeof(Entry) + places.size);
  if (memory == nullptr) return nullptr;

  auto* entry = new (memory) Entry();
  entry->key_ = key_of(from.question);
  entry->inserted_ = from.inserted;
  entry->expires_ = from.expires;
  entry->records_at_ = static_cast<uint16_t>(places.records_at);
  entry->records_size_ = static_cast<uint16_t>(content.records.size());
  entry->records_sum_ = base::folded(base::sum_of(content.records));
  entry->ttl_count_ = static_cast<uint16_t>(content.ttl_places.size());
  entry->header_ = header_of(content);
  entry->additionals_ = content.additionals;
  entry->extended_rcode_ = static_cast<uint8_t>(static_cast<uint16_t>(content.rcode) >> 4);
  entry->explained_ = explained;
  entry->authenticated_ = content.authenticated;
  entry->prefetch_ = from.prefetch && from.expires - from.inserted >= kShortestPrefetch;
  entry->fast_path_ = from.fast_path;

  std::byte* tail = entry->tail();
  std::memcpy(tail, name.data(), name.size());
  if (explained) std::memcpy(tail + places.ede_at, &content.ede, sizeof content.ede);
  if (!content.ttl_places.empty()) {
    std::memcpy(tail + places.places_at, content.ttl_places.data(),
                content.ttl_places.size_bytes());
  }
  if (!content.records.empty()) {
    std::memcpy(tail + places.records_at, content.records.data(), content.records.size());
  }
  return entry;
}

Entry* make_stale(const dns::Question& question, const Entry& old, const Staleness& staleness,
                  Time now) {
  const Time end = old.fresh_until();
  Entry* copy =
      make_entry({.question = question,
                  .content = old.stale_content(staleness),
                  .inserted = end,
                  .expires = std::min(now + kRecheck, end + base::seconds(staleness.max_stale))});
  if (copy == nullptr) return nullptr;
  copy->stale_ = true;
  for (const uint16_t place : copy->ttl_places())
    base::store_be32(copy->tail() + copy->records_at_ + place, staleness.stale_ttl);
  copy->records_sum_ = base::folded(base::sum_of(copy->records()));
  copy->touch();  // It has just been asked for.
  return copy;
}

void destroy_entry(Entry* entry) {
  const size_t size = entry->footprint();
  entry->~Entry();
  free_block(reinterpret_cast<std::byte*>(entry), size);
}

}  // namespace cache
