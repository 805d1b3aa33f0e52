// What most of them took, from counts by power of two.
#include "control/text/durations.h"

#include <gtest/gtest.h>

namespace control {
namespace {

using base::microseconds;
using base::milliseconds;
using base::seconds;

Durations of(std::initializer_list<base::Duration> taken) {
  base::Histogram histogram;
  for (const base::Duration one : taken) histogram.record(one);
  Durations durations;
  durations.add(histogram);
  return durations;
}

TEST(Durations, OfNothingHaveNoQuantile) {
  EXPECT_FALSE(Durations{}.quantile(0.5));
  EXPECT_EQ(Durations{}.count(), 0u);
}

TEST(Durations, AreKnownToTheBucket) {
  const Durations durations = of({milliseconds(10), milliseconds(10), milliseconds(10)});
  EXPECT_GT(*durations.quantile(0.01), 0.008);
  EXPECT_LE(*durations.quantile(0.99), 0.016384);
}

TEST(Durations, AreSpreadEvenlyOverTheirBucket) {
  Durations durations;
  durations.counts[11] = 4;  // 1.024 to 2.048 ms.
  EXPECT_DOUBLE_EQ(*durations.quantile(0.25), 0.001280);
  EXPECT_DOUBLE_EQ(*durations.quantile(0.5), 0.001536);
  EXPECT_DOUBLE_EQ(*durations.quantile(1), 0.002048);
}

TEST(Durations, FindTheBucketThatTheShareFallsInto) {
  Durations durations;
  durations.counts[0] = 98;
  durations.counts[10] = 2;
  EXPECT_LE(*durations.quantile(0.5), 1e-6);
  EXPECT_LE(*durations.quantile(0.98), 1e-6);
  EXPECT_GT(*durations.quantile(0.99), 512e-6);
}

TEST(Durations, BeyondTheLastBoundCountAsThat) {
  EXPECT_DOUBLE_EQ(*of({seconds(60)}).quantile(0.5), 8.388608);
}

TEST(Durations, SinceAnEarlierReading) {
  const Durations earlier = of({milliseconds(1)});
  Durations later = earlier;
  later.add(of({seconds(1), seconds(1)}));
  EXPECT_EQ(later.count(), 3u);
  EXPECT_EQ(later.since(earlier), of({seconds(1), seconds(1)}));
  EXPECT_EQ(later.since(later).count(), 0u);
}

TEST(Durations, OfAProcessThatStartedAnewAreAllNew) {
  const Durations before = of({milliseconds(1), milliseconds(1)});
  EXPECT_EQ(of({milliseconds(1)}).since(before), of({milliseconds(1)}));
}

}  // namespace
}  // namespace control
