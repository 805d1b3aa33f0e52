// Durations counted in power-of-two buckets from 1 µs up to 8.4 s: one writing thread, any number
// of readers, no locked operation.
#pragma once

#include <array>
#include <bit>

#include "dataplane/base/clock.h"
#include "dataplane/base/counters.h"

namespace base {

class Histogram {
 public:
  /// Bucket i counts durations of at most 2^i µs that no smaller bucket counts; the last one counts
  /// the rest.
  static constexpr size_t kBounded = 24;
  static constexpr size_t kBuckets = kBounded + 1;

  static constexpr microseconds upper_bound(size_t bucket) {
    return microseconds{int64_t{1} << bucket};
  }

  void record(Duration duration, uint64_t times = 1) {
    buckets_[bucket_of(duration)].add(times);
    const auto nanoseconds = static_cast<uint64_t>(duration.count() < 0 ? 0 : duration.count());
    sum_nanoseconds_.add(nanoseconds * times);
  }
  [[nodiscard]] uint64_t count_in(size_t bucket) const { return buckets_[bucket].read(); }
  [[nodiscard]] uint64_t sum_nanoseconds() const { return sum_nanoseconds_.read(); }

  static constexpr size_t bucket_of(Duration duration) {
    const int64_t nanoseconds = duration.count();
    if (nanoseconds <= 1000) return 0;
    // Rounded up to whole microseconds, so that a bound belongs to its own bucket.
    const uint64_t micros = (static_cast<uint64_t>(nanoseconds) + 999) / 1000;
    const auto bucket = static_cast<size_t>(std::bit_width(micros - 1));
    return bucket < kBounded ? bucket : kBounded;
  }

 private:
  std::array<Counter, kBuckets> buckets_{};
  Counter sum_nanoseconds_;
};

}  // namespace base
