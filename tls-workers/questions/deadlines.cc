#include "tls-workers/questions/deadlines.h"

#include <algorithm>

namespace questions {

Deadlines::Deadlines(uint32_t slots, base::Time now) : start_(now), links_(slots) {
  heads_.fill(kNone);
}

void Deadlines::set(uint32_t slot, base::Time deadline) {
  remove(slot);
  // One tick up: the list of a tick is handed out when that tick begins, and the deadline lies
  // somewhere within the one before.
  const uint64_t wanted = tick_of(deadline) + 1;
  const uint64_t tick = std::clamp(wanted, current_, current_ + kTicks - 1);
  const auto list = static_cast<uint32_t>(tick % kTicks);
  Link& link = links_[slot];
  link = {kNone, heads_[list], list};
  if (link.next != kNone) links_[link.next].previous = slot;
  heads_[list] = slot;
  ++count_;
}

void Deadlines::remove(uint32_t slot) {
  Link& link = links_[slot];
  if (link.tick == kNone) return;
  if (link.next != kNone) links_[link.next].previous = link.previous;
  if (link.previous != kNone) {
    links_[link.previous].next = link.next;
  } else {
    heads_[link.tick] = link.next;
  }
  link = Link{};
  --count_;
}

std::optional<uint32_t> Deadlines::next_due(base::Time now) {
  const uint64_t until = tick_of(now);
  // Whatever is set lies within one round from `current_`, so this ends after at most kTicks steps.
  while (count_ > 0) {
    const auto list = static_cast<uint32_t>(current_ % kTicks);
    if (!is_empty(list)) {
      if (current_ > until) return std::nullopt;
      const uint32_t slot = heads_[list];
      remove(slot);
      return slot;
    }
    if (current_ >= until) return std::nullopt;
    ++current_;
  }
  current_ = std::max(current_, until);
  return std::nullopt;
}

base::Time Deadlines::earliest() const {
  if (count_ == 0) return base::Time::max();
  for (uint32_t ahead = 0; ahead < kTicks; ++ahead) {
    if (!is_empty(static_cast<uint32_t>((current_ + ahead) % kTicks))) {
      return start_ + kTick * static_cast<int64_t>(current_ + ahead);
    }
  }
  return base::Time::max();
}

uint64_t Deadlines::tick_of(base::Time time) const {
  if (time <= start_) return 0;
  return static_cast<uint64_t>((time - start_) / kTick);
}

}  // namespace questions
