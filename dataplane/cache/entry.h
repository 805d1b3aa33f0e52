// One answer, immutable once any other thread can see it. Made by a TLS worker, read by every poll
// core.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/base/clock.h"
#include "dataplane/dns/question.h"
#include "dataplane/dns/reply.h"

namespace cache {

using base::ByteView;
using base::Time;

/// What an entry is made from; borrows everything.
struct NewEntry {
  const dns::Question& question;
  dns::Content content;  // Its records' TTLs as they are to be served at age 0; `age` is not used.
  Time inserted;
  Time expires;
  bool prefetch = false;   // A hit at the end of its life asks for it again.
  bool fast_path = false;  // As rules::fast_path_may_answer has it.
};

/// What may be told of an answer whose time is over. RFC 8767.
struct Staleness {
  uint32_t max_stale = 86400;  // Seconds from then on; 0: nothing.
  uint32_t stale_ttl = 30;     // Of every record. §4: greater than 0, 30 s are recommended.

  friend bool operator==(const Staleness&, const Staleness&) = default;
};

/// Everything that identifies a question but its name's octets and its hash, in one word.
[[nodiscard]] constexpr uint64_t key_of(uint64_t tag, size_t name_size) {
  return tag | uint64_t{name_size} << 48;
}
[[nodiscard]] inline uint64_t key_of(const dns::Question& question) {
  return key_of(dns::tag_of(question.type, question.klass, question.wants, question.pool),
                question.name.size());
}

class Entry {
 public:
  [[nodiscard]] Time inserted() const { return inserted_; }
  [[nodiscard]] Time expires() const { return expires_; }
  /// When the answer's own time is or was over. A stale one expires when it is to be asked for
  /// again.
  [[nodiscard]] Time fresh_until() const { return stale_ ? inserted_ : expires_; }
  /// Whether this is told because nothing better could be had; made by `make_stale`.
  [[nodiscard]] bool stale() const { return stale_; }
  /// Whether it may be told if nothing better can be had: what a resolver knew, not a failure, and
  /// not for too long. RFC 8767 §4.
  [[nodiscard]] bool may_be_served_stale(Time now, const Staleness& staleness) const;
  /// What is said then.
  [[nodiscard]] dns::Content stale_content(const Staleness& staleness) const;
  /// Octets that this entry occupies.
  [[nodiscard]] size_t footprint() const;
  /// Whether this answers `question`: everything compared, name octets included.
  [[nodiscard]] bool answers(const dns::Question& question) const;
  /// Lower-cased.
  [[nodiscard]] ByteView name() const { return {tail(), name_size()}; }
  [[nodiscard]] dns::Type type() const {
    return static_cast<dns::Type>(__builtin_bswap16(static_cast<uint16_t>(key_)));
  }
  /// What a reply at `now` says. Borrows from the entry.
  [[nodiscard]] dns::Content content(Time now) const;

  // For the hit path, which does not go through `content`.
  [[nodiscard]] uint64_t key() const { return key_; }
  /// The name, lower-cased, with whatever follows it: 64 octets can be loaded.
  [[nodiscard]] const std::byte* name_octets() const { return tail(); }
  /// The records: whole kChunks can be loaded.
  [[nodiscard]] const std::byte* record_octets() const { return tail() + records_at_; }
  [[nodiscard]] uint16_t records_size() const { return records_size_; }
  /// One's-complement sum of the records as kept, as if they started at an even place. RFC 1071.
  [[nodiscard]] uint16_t records_sum() const { return records_sum_; }
  [[nodiscard]] std::span<const uint16_t> ttl_places() const {
    return {reinterpret_cast<const uint16_t*>(tail() + records_at_) - ttl_count_, ttl_count_};
  }
  /// Octets 2 to 9 of the reply's header as they go on the wire: flags with QR, RD, RA and the
  /// rcode, one question, answers, authorities.
  [[nodiscard]] uint64_t header_octets() const { return header_; }
  /// The rcode in it, all of it for an entry of the fast path.
  [[nodiscard]] dns::Rcode header_rcode() const {
    return static_cast<dns::Rcode>(header_word(0) & dns::flag::kRcodeMask);
  }
  [[nodiscard]] uint16_t additionals() const { return additionals_; }
  [[nodiscard]] bool authenticated() const { return authenticated_; }
  /// Whether the fast path may answer with it: a reply needs only what is above.
  [[nodiscard]] bool fast_path() const { return fast_path_; }

  /// A pin keeps the entry's memory alive while a Fill that names it waits in a ring; quiescence
  /// alone does not. Pinned by the worker that made it, before it is published or retired; unpinned
  /// by the core that took the Fill.
  void pin() const { pins_.fetch_add(1, std::memory_order_relaxed); }
  void unpin() const { pins_.fetch_sub(1, std::memory_order_release); }
  [[nodiscard]] bool pinned() const { return pins_.load(std::memory_order_acquire) != 0; }

  /// Recency for eviction: set by readers, only when clear, so that a hot entry's line stays
  /// shared.
  void touch() const {
    if (!marked(kTouched)) marks_.fetch_or(kTouched, std::memory_order_relaxed);
  }
  // For the writer that looks for a victim.
  [[nodiscard]] bool touched() const { return marked(kTouched); }
  void clear_touch() const { marks_.fetch_and(kClaimed, std::memory_order_relaxed); }

  /// Whether a hit now should have the answer fetched anew: in the last tenth of its life, once.
  [[nodiscard]] bool due(Time now) const {
    return (expires_ - now) * 10 <= expires_ - inserted_ && prefetch_ && !marked(kClaimed);
  }
  /// True for one caller alone, which sees to it.
  [[nodiscard]] bool claim() const {
    return (marks_.fetch_or(kClaimed, std::memory_order_relaxed) & kClaimed) == 0;
  }

  /// Records are copied in pieces of this size, whatever their own.
  static constexpr size_t kChunk = 32;

 private:
  friend Entry* make_entry(const NewEntry&);
  friend Entry* make_stale(const dns::Question&, const Entry&, const Staleness&, Time);
  friend void destroy_entry(Entry*);
  struct Layout;
  Entry() = default;

  // What readers note, each once.
  static constexpr uint8_t kTouched = 1, kClaimed = 2;
  [[nodiscard]] bool marked(uint8_t mark) const {
    return (marks_.load(std::memory_order_relaxed) & mark) != 0;
  }

  [[nodiscard]] const std::byte* tail() const {
    return reinterpret_cast<const std::byte*>(this + 1);
  }
  [[nodiscard]] std::byte* tail() { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] size_t name_size() const { return static_cast<uint8_t>(key_ >> 48); }
  [[nodiscard]] ByteView records() const { return {record_octets(), records_size_}; }
  /// In front of the places.
  [[nodiscard]] dns::Ede ede() const {
    return explained_ ? static_cast<dns::Ede>(*(ttl_places().data() - 1)) : dns::Ede::None;
  }

  [[nodiscard]] uint16_t header_word(unsigned index) const {
    return static_cast<uint16_t>(__builtin_bswap64(header_) >> (48 - 16 * index));
  }

  uint64_t key_ = 0;
  Time inserted_{};
  Time expires_{};
  uint64_t header_ = 0;
  uint16_t additionals_ = 0;
  uint16_t records_at_ = 0;  // In the tail.
  uint16_t records_size_ = 0;
  uint16_t records_sum_ = 0;
  uint16_t ttl_count_ = 0;
  mutable std::atomic<uint16_t> pins_{0};  // At most one for each core, and the worker's own.
  uint8_t extended_rcode_ = 0;
  bool authenticated_ : 1 = false;
  bool fast_path_ : 1 = false;
  bool stale_ : 1 = false;
  bool prefetch_ : 1 = false;
  bool explained_ : 1 = false;  // By an extended error.
  mutable std::atomic<uint8_t> marks_{0};
  // Behind it, in one block: the name, the extended error's code if there is one, ttl_count_ places
  // (2 octets each, aligned), the records.
};
static_assert(sizeof(Entry) == 48, "with a name of 40 octets and an address, two cache lines");

/// Copies all that `from` borrows into one block. Never on a poll core. Returns nullptr when
/// memory is out.
[[nodiscard]] Entry* make_entry(const NewEntry& from);
/// A copy of `old`, which may be served stale, to be told for kRecheck, or for what is left of
/// `max_stale`; then it is to be asked for again. Never on a poll core. nullptr when memory is out.
[[nodiscard]] Entry* make_stale(const dns::Question& question, const Entry& old,
                                const Staleness& staleness, Time now);
/// How long a refresh that failed is not tried again, at least. RFC 8767 §5.
inline constexpr base::seconds kRecheck{30};
/// Only through Reclaim: some other thread may still be reading it.
void destroy_entry(Entry* entry);

}  // namespace cache
