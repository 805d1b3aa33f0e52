// One time for all threads: CLOCK_MONOTONIC. A turn of a loop reads it once and hands the value
// down, so whatever keeps time takes a `Time` as an argument and is tested with a hand-cranked one.
#pragma once

#include <chrono>
#include <cstdint>

namespace base {

using Clock = std::chrono::steady_clock;  // A vDSO call (about 25 ns), not a system call.
using Duration = std::chrono::nanoseconds;
using Time = std::chrono::time_point<Clock, Duration>;

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Whole seconds between two instants, 0 if `later` is the earlier one. This is how TTLs age.
inline uint32_t whole_seconds(Time earlier, Time later) {
  if (later <= earlier) return 0;
  return static_cast<uint32_t>(std::chrono::duration_cast<seconds>(later - earlier).count());
}

}  // namespace base
