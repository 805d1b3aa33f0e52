#include "tls-workers/sessions/backoff.h"

#include <algorithm>

namespace sessions {

void Backoff::failed(base::Time now) {
  if (pausing(now)) return;
  constexpr unsigned kDoublings = 7;  // 100 ms × 2⁷ is past the longest.
  const base::Duration pause = std::min<base::Duration>(kFirst * (1 << failures_), kLongest);
  failures_ = std::min(failures_ + 1, kDoublings);
  until_ = now + jittered(pause);
}

base::Duration Backoff::jittered(base::Duration pause) {
  // xorshift64: spreads well enough and needs no source of entropy beside the seed.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const auto part = static_cast<int64_t>(random_ >> 54);  // 0..1023
  return pause * 3 / 4 + pause * part / 2048;
}

}  // namespace sessions
