// One time for all threads: CLOCK_MONOTONIC. A turn of a loop reads it once and hands the value
// down, so whatever keeps time takes a `Time` as an argument and is tested with a hand-cranked one.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace base {

using Clock = std::chrono::steady_clock;  // A vDSO call (about 25 ns), not a system call.
using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<Clock, Duration>;

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Seconds since 1970, for what other machines compare with their own clocks: cookies. Coarse, from
/// the vDSO's page even where the clock itself would need a system call.
inline uint32_t wall_seconds() {
  timespec now{};
  (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<uint32_t>(now.tv_sec);
}

/// Whole seconds between two instants, 0 if `later` is the earlier one. This is how TTLs age.
inline uint32_t whole_seconds(Time earlier, Time later) {
  if (later <= earlier) return 0;
  return static_cast<uint32_t>(std::chrono::duration_cast<seconds>(later - earlier).count());
}

}  // namespace base
