// Counters and histograms: what one thread adds, another one reads, and each bucket ends where it
// says.
#include "dataplane/base/counters.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <thread>

#include "dataplane/base/histogram.h"

namespace base {
namespace {

enum class Fruit : uint8_t { Apple, Pear, Count_ };

TEST(Counter, AddsSubtractsAndSets) {
  Counter counter;
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.read(), 42u);
  counter.subtract(2);
  EXPECT_EQ(counter.read(), 40u);
  counter.set(5);
  EXPECT_EQ(counter.read(), 5u);
}

TEST(Counter, IsReadByOtherThreadsWithoutGoingBack) {
  constexpr uint64_t kAdds = 100'000;
  Counter counter;
  std::thread writer([&counter] {
    for (uint64_t i = 0; i < kAdds; ++i) counter.add();
  });
  uint64_t last = 0;
  bool went_back = false;
  while (last < kAdds) {
    const uint64_t now = counter.read();
    went_back = went_back || now < last;
    last = now;
    std::this_thread::yield();
  }
  writer.join();
  EXPECT_FALSE(went_back);
  EXPECT_EQ(counter.read(), kAdds);
}

TEST(Counters, HaveOneForEachEnumerator) {
  Counters<Fruit> counters;
  static_assert(Counters<Fruit>::kSize == 2);
  counters[Fruit::Apple].add(3);
  counters[Fruit::Pear].add(4);
  EXPECT_EQ(counters[Fruit::Apple].read(), 3u);
  EXPECT_EQ(counters[Fruit::Pear].read(), 4u);
  EXPECT_EQ(counters.total(), 7u);
}

TEST(Histogram, PutsEachBoundIntoItsOwnBucket) {
  for (size_t bucket = 0; bucket < Histogram::kBounded; ++bucket) {
    SCOPED_TRACE(bucket);
    const Duration bound = Histogram::upper_bound(bucket);
    EXPECT_EQ(Histogram::bucket_of(bound), bucket);
    EXPECT_EQ(Histogram::bucket_of(bound + Duration{1}), bucket + 1);
  }
}

TEST(Histogram, TakesWhatIsOutOfRange) {
  EXPECT_EQ(Histogram::bucket_of(Duration{0}), 0u);
  EXPECT_EQ(Histogram::bucket_of(Duration{-5}), 0u);
  EXPECT_EQ(Histogram::bucket_of(std::chrono::hours{24}), Histogram::kBounded);
  EXPECT_EQ(Histogram::bucket_of(Duration::max()), Histogram::kBounded);
}

TEST(Histogram, CountsAndSums) {
  Histogram histogram;
  histogram.record(microseconds{3}, 2);
  histogram.record(Duration{-1});
  EXPECT_EQ(histogram.count_in(2), 2u);
  EXPECT_EQ(histogram.count_in(0), 1u);
  EXPECT_EQ(histogram.sum_nanoseconds(), 6000u);
}

RC_GTEST_PROP(Histogram, BucketIsTheSmallestWhoseBoundHoldsIt, (uint32_t nanoseconds)) {
  const Duration duration{nanoseconds};
  const size_t bucket = Histogram::bucket_of(duration);
  RC_ASSERT(duration <= Histogram::upper_bound(bucket));
  if (bucket > 0) RC_ASSERT(duration > Histogram::upper_bound(bucket - 1));
}

TEST(WholeSeconds, RoundDownAndNeverGoBelowZero) {
  const Time start{seconds{100}};
  EXPECT_EQ(whole_seconds(start, start), 0u);
  EXPECT_EQ(whole_seconds(start, start + milliseconds{999}), 0u);
  EXPECT_EQ(whole_seconds(start, start + milliseconds{1000}), 1u);
  EXPECT_EQ(whole_seconds(start, start - seconds{5}), 0u);
}

}  // namespace
}  // namespace base
