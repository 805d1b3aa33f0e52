#include "dataplane/rules/token_bucket.h"

#include <gtest/gtest.h>

namespace rules {
namespace {

unsigned take_all(TokenBucket& ration, base::Time now) {
  unsigned taken = 0;
  while (ration.take(now)) ++taken;
  return taken;
}

TEST(TokenBucket, GivesABurstThenARate) {
  const base::Time start{base::seconds{5000}};
  TokenBucket ration({.per_second = 100, .burst = 1000});
  EXPECT_EQ(take_all(ration, start), 1000u);
  EXPECT_EQ(take_all(ration, start + base::milliseconds{9}), 0u);
  EXPECT_EQ(take_all(ration, start + base::milliseconds{10}), 1u);
  EXPECT_EQ(take_all(ration, start + base::milliseconds{1010}), 100u);
  EXPECT_EQ(take_all(ration, start + base::seconds{3600}), 1000u);
}

TEST(TokenBucket, LosesNoFractionsOfATokenToFrequentCalls) {
  base::Time now{base::seconds{5000}};
  TokenBucket ration({.per_second = 100, .burst = 10});
  take_all(ration, now);
  unsigned taken = 0;
  for (int millisecond = 0; millisecond < 1000; ++millisecond) {
    now += base::milliseconds{1};
    taken += take_all(ration, now);
  }
  EXPECT_EQ(taken, 100u);
}

}  // namespace
}  // namespace rules
