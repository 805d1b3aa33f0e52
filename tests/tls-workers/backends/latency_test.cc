#include "tls-workers/backends/latency.h"

#include <gtest/gtest.h>

#include <random>

#include "tls-workers/backends/hedge_budget.h"

namespace tests {
namespace {

using base::microseconds;
using base::milliseconds;

TEST(Latency, BeginsAtNothing) {
  const backends::Latency latency;
  EXPECT_EQ(latency.smoothed(), base::Duration{});
  EXPECT_EQ(latency.p95(), base::Duration{});
}

TEST(Latency, FollowsWhatIsSteady) {
  backends::Latency latency;
  for (int i = 0; i < 2000; ++i) latency.record(milliseconds(10));
  EXPECT_EQ(latency.smoothed(), milliseconds(10));
  EXPECT_LT(latency.p95(), milliseconds(12));
  for (int i = 0; i < 2000; ++i) latency.record(milliseconds(50));
  EXPECT_GT(latency.smoothed(), milliseconds(49));
  EXPECT_LT(latency.p95(), milliseconds(60));
}

TEST(Latency, OneInTwentyIsAboveTheEstimate) {
  std::mt19937 random(1);
  std::exponential_distribution<double> spread(1);
  backends::Latency latency;
  int above = 0;
  constexpr int kSamples = 100'000;
  for (int i = 0; i < kSamples; ++i) {
    const base::Duration sample = microseconds(1000 + static_cast<int64_t>(5000 * spread(random)));
    if (sample > latency.p95()) ++above;
    latency.record(sample);
  }
  EXPECT_NEAR(static_cast<double>(above) / kSamples, 0.05, 0.01);
}

TEST(HedgeBudget, PaysForOneInTwenty) {
  backends::HedgeBudget budget;
  EXPECT_FALSE(budget.take());
  int taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    budget.sent();
    if (budget.take()) ++taken;
  }
  EXPECT_EQ(taken, 10'000 / 20);
}

TEST(HedgeBudget, SavesUpOnlySoMuch) {
  backends::HedgeBudget budget;
  for (int i = 0; i < 1'000'000; ++i) budget.sent();
  int taken = 0;
  while (budget.take()) ++taken;
  EXPECT_EQ(taken, 50);
}

}  // namespace
}  // namespace tests
