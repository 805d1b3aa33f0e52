#include "tls-workers/backends/query_budget.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <vector>

namespace tests {
namespace {

using backends::QueryBudget;
using base::milliseconds;
using base::seconds;

constexpr base::Time kStart{seconds{1000}};

unsigned taken_at_once(QueryBudget& budget, base::Time now) {
  unsigned taken = 0;
  while (taken < 1'000'000 && budget.take(now)) ++taken;
  return taken;
}

TEST(QueryBudget, HasNoLimitUnlessOneIsSet) {
  QueryBudget budget(0);
  EXPECT_EQ(taken_at_once(budget, kStart), 1'000'000u);
}

struct Burst {
  uint32_t per_second;
  unsigned at_once;
};
class Bursts : public testing::TestWithParam<Burst> {};

TEST_P(Bursts, HoldWhatATenthOfASecondIsWorthButAtLeastFive) {
  QueryBudget budget(GetParam().per_second);
  EXPECT_EQ(taken_at_once(budget, kStart), GetParam().at_once);
  EXPECT_FALSE(budget.take(kStart));
  // Nothing more is saved up, however long nobody asks.
  EXPECT_EQ(taken_at_once(budget, kStart + seconds{3600}), GetParam().at_once);
}

INSTANTIATE_TEST_SUITE_P(Budgets, Bursts,
                         testing::Values(Burst{1, 5}, Burst{10, 5}, Burst{50, 5}, Burst{60, 6},
                                         Burst{1000, 100}, Burst{1'000'000, 100'000}),
                         [](const auto& test) {
                           return "per_second_" + std::to_string(test.param.per_second);
                         });

TEST(QueryBudget, RefillsOneByOne) {
  QueryBudget budget(100);
  (void)taken_at_once(budget, kStart);
  EXPECT_FALSE(budget.take(kStart + milliseconds{9}));
  EXPECT_TRUE(budget.take(kStart + milliseconds{10}));
  EXPECT_FALSE(budget.take(kStart + milliseconds{10}));
  EXPECT_EQ(taken_at_once(budget, kStart + milliseconds{50}), 4u);
}

TEST(QueryBudget, CanBeChangedMeanwhile) {
  QueryBudget budget(100);
  (void)taken_at_once(budget, kStart);
  budget.allow(1000);
  EXPECT_EQ(taken_at_once(budget, kStart + milliseconds{50}), 50u);
  budget.allow(0);
  EXPECT_EQ(taken_at_once(budget, kStart + milliseconds{50}), 1'000'000u);
}

TEST(QueryBudget, TakesNoTimeFromAClockThatLagsBehind) {
  QueryBudget budget(1000);
  (void)taken_at_once(budget, kStart);
  EXPECT_FALSE(budget.take(kStart - milliseconds{5}));
  EXPECT_EQ(taken_at_once(budget, kStart + milliseconds{10}), 10u);
}

/// In any stretch of time: no more than the rate allows and one burst; and no less while all ask.
TEST(QueryBudget, IsExactOverAnyStretchOfTime) {
  EXPECT_TRUE(rc::check([] {
    const auto per_second = *rc::gen::inRange<uint32_t>(1, 20'000);
    QueryBudget budget(per_second);
    const auto gaps =
        *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 30'000'000));  // Nanoseconds.
    const auto interval = base::Duration(seconds{1}).count() / per_second;
    const auto burst =
        std::max<int64_t>(QueryBudget::kBurst / interval, QueryBudget::kBurstAtLeast);
    base::Time now = kStart;
    int64_t taken = 0;
    for (const int gap : gaps) {
      now += base::Duration(gap);
      taken += taken_at_once(budget, now);
      const int64_t due = (now - kStart).count() / interval;
      RC_ASSERT(taken <= due + burst + 1);
      if (base::Duration(gap).count() <= QueryBudget::kBurst) RC_ASSERT(taken >= due);
    }
  }));
}

TEST(QueryBudget, IsExactOverAllThreads) {
  QueryBudget budget(10'000);
  std::atomic<unsigned> taken{0};
  std::deque<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      // A tenth of a second of the clock that the test turns by hand.
      for (int step = 0; step <= 1000; ++step) {
        while (budget.take(kStart + base::microseconds{100} * step)) taken.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(), 1000u + 1000u);
}

}  // namespace
}  // namespace tests
