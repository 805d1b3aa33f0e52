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
};

class Entry {
 public:
  [[nodiscard]] uint64_t hash() const { return hash_; }
  [[nodiscard]] Time inserted() const { return inserted_; }
  [[nodiscard]] Time expires() const { return expires_; }
  /// Octets that this entry occupies.
  [[nodiscard]] size_t footprint() const;
  /// Whether this answers `question`: everything compared, name octets included.
  [[nodiscard]] bool answers(const dns::Question& question) const;
  /// What a reply at `now` says. Borrows from the entry.
  [[nodiscard]] dns::Content content(Time now) const;

  /// A pin keeps the entry's memory alive while a Fill that names it waits in a ring; quiescence
  /// alone does not. Pinned by the worker that made it, before it is published or retired; unpinned
  /// by the core that took the Fill.
  void pin() const { pins_.fetch_add(1, std::memory_order_relaxed); }
  void unpin() const { pins_.fetch_sub(1, std::memory_order_release); }
  [[nodiscard]] bool pinned() const { return pins_.load(std::memory_order_acquire) != 0; }

  /// Recency for eviction: set by readers, only when clear, so that a hot entry's line stays
  /// shared.
  void touch() const {
    if (!touched_.load(std::memory_order_relaxed)) touched_.store(true, std::memory_order_relaxed);
  }
  /// Tells whether it was touched since the last call. For the writer that looks for a victim.
  bool take_touch() const {
    if (!touched_.load(std::memory_order_relaxed)) return false;
    touched_.store(false, std::memory_order_relaxed);
    return true;
  }

 private:
  friend Entry* make_entry(const NewEntry&);
  friend void destroy_entry(Entry*);
  Entry() = default;

  [[nodiscard]] const std::byte* tail() const {
    return reinterpret_cast<const std::byte*>(this + 1);
  }
  [[nodiscard]] std::byte* tail() { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] std::span<const uint16_t> ttl_places() const {
    return {reinterpret_cast<const uint16_t*>(tail()), ttl_count_};
  }
  [[nodiscard]] ByteView name() const {
    return {tail() + ttl_count_ * sizeof(uint16_t), name_size_};
  }
  [[nodiscard]] ByteView records() const {
    return {tail() + ttl_count_ * sizeof(uint16_t) + name_size_, records_size_};
  }

  uint64_t hash_ = 0;
  Time inserted_{};
  Time expires_{};
  mutable std::atomic<uint32_t> pins_{0};
  dns::Rcode rcode_{};
  uint16_t records_size_ = 0;
  uint16_t ttl_count_ = 0;
  uint16_t answers_ = 0;
  uint16_t authorities_ = 0;
  uint16_t additionals_ = 0;
  dns::Type type_{};
  dns::Class klass_{};
  dns::Ede ede_ = dns::Ede::None;
  dns::Wants wants_{};
  dns::PoolId pool_{};
  uint8_t name_size_ = 0;
  bool authenticated_ = false;
  mutable std::atomic<bool> touched_{false};
  // Behind it, in one allocation: ttl_count_ places, the name, the records.
};

/// Copies all that `from` borrows into one allocation. Never on a poll core. Returns nullptr when
/// memory is out.
[[nodiscard]] Entry* make_entry(const NewEntry& from);
/// Only through Reclaim: some other thread may still be reading it.
void destroy_entry(Entry* entry);

}  // namespace cache
