// What happened between two looks, and one picture of `dotline top`.
#include "control/commands/rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/commands/top_text.h"
#include "tests/control/status/status_rig.h"

namespace control {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Two seconds later: 3000 queries, of which 100 were misses that one backend answered.
Status later() {
  Status status = sample_status();
  status.now += 2;
  status.uptime += 2;
  status.queries += 3000;
  status.dropped += 4;
  status.replies[0].second += 2900;
  status.replies[1].second += 99;
  status.replies[3].second += 1;
  status.reply_durations.counts[1] += 2900;
  status.reply_durations.counts[15] += 100;
  status.cores[0].cycles += 1000;
  status.cores[0].busy_cycles += 250;
  status.caches[0].hits += 2900;
  status.caches[0].misses += 100;
  status.backends[1].queries += 101;
  status.backends[1].failures[1].second += 3;
  status.backends[1].durations.counts[15] += 100;
  return status;
}

TEST(Rates, AreForEachSecond) {
  const auto rates = rates_between(sample_status(), later());
  ASSERT_TRUE(rates);
  EXPECT_DOUBLE_EQ(rates->queries, 1500);
  EXPECT_DOUBLE_EQ(rates->dropped, 2);
  EXPECT_EQ(rates->replies[0], (std::pair<std::string, double>{"hit", 1450}));
  EXPECT_DOUBLE_EQ(*rates->busy[0], 0.25);
  EXPECT_DOUBLE_EQ(rates->caches[0].hits, 1450);
  EXPECT_DOUBLE_EQ(rates->caches[0].misses, 50);
  EXPECT_DOUBLE_EQ(rates->backends[0].queries, 0);
  EXPECT_DOUBLE_EQ(rates->backends[1].queries, 50.5);
  EXPECT_DOUBLE_EQ(rates->backends[1].failures, 1.5);
}

TEST(Rates, HaveTheDurationsSinceTheLastLook) {
  const auto rates = rates_between(sample_status(), later());
  ASSERT_TRUE(rates);
  EXPECT_EQ(rates->reply_durations.count(), 3000u);
  EXPECT_EQ(rates->backends[0].durations.count(), 0u);
  EXPECT_EQ(rates->backends[1].durations.count(), 100u);
  EXPECT_GT(*rates->backends[1].durations.quantile(0.5), 0.0163);
}

TEST(Rates, FindBackendsAndCachesByName) {
  Status now = later();
  std::swap(now.backends[0], now.backends[1]);
  now.backends.insert(now.backends.begin(), sample_backend("new"));
  now.caches.insert(now.caches.begin(), Status::Cache{.name = "new", .hits = 10});
  const auto rates = rates_between(sample_status(), now);
  ASSERT_TRUE(rates);
  EXPECT_DOUBLE_EQ(rates->backends[1].queries, 50.5);
  EXPECT_DOUBLE_EQ(rates->backends[2].queries, 0);
  EXPECT_DOUBLE_EQ(rates->caches[0].hits, 5);
  EXPECT_DOUBLE_EQ(rates->caches[1].misses, 50);
}

TEST(Rates, OfACounterThatStartedAnewAreNotNegative) {
  Status now = later();
  now.backends[1].queries = 10;
  EXPECT_DOUBLE_EQ(rates_between(sample_status(), now)->backends[1].queries, 5);
}

TEST(Rates, NeedTwoLooksAtOneProcess) {
  EXPECT_FALSE(rates_between(sample_status(), sample_status()));
  EXPECT_FALSE(rates_between(later(), sample_status()));
  Status other = later();
  other.pid = 7;
  EXPECT_FALSE(rates_between(sample_status(), other));
}

TEST(TopText, ShowsWhatHappensNow) {
  EXPECT_EQ(top_text(later(), rates_between(sample_status(), later()), {}),
            R"(dotline 1.2.3 is healthy, running for 1 h 0 min

queries    1,500/s, answered from memory 96.7 %, misses 50/s, waiting 3; packets
           dropped 2.0/s
replies    hit 1,450/s, fill 50/s, servfail 0.5/s
time       half of the replies within 2µs, 99 % within 28ms
busy       CPU 1 25.0 %

BACKEND  STATE  SESS  OPEN  QUERIES/S  FAILED/S   P50   P99
quad9    up 1h     2     3          0         0     -     -
google   up 1h     2     3         51       1.5  25ms  33ms

CACHE  ANSWERS  FILLED   MEMORY  HITS/S  MISSES/S  HIT RATIO  EVICTED/S
main      250k  25.0 %  48.0 MB   1,450        50     96.7 %          0
)");
}

TEST(TopText, BeforeTheSecondLookHasNoRates) {
  EXPECT_EQ(top_text(later(), std::nullopt, {}),
            "dotline 1.2.3 is healthy, running for 1 h 0 min\n\none more second ...\n");
}

TEST(TopText, WithNothingGoingOn) {
  Status now = sample_status();
  now.uptime += 1;
  const std::string text = top_text(now, rates_between(sample_status(), now), {});
  EXPECT_THAT(text, HasSubstr("queries    0/s, answered from memory -, misses 0/s"));
  EXPECT_THAT(text, HasSubstr("replies    none\n"));
  EXPECT_THAT(text, HasSubstr("busy       CPU 1 -\n"));
}

TEST(TopText, BeginsWithWhatIsWrong) {
  Status now = later();
  now.backends[0].in_rotation = now.backends[0].up = false;
  now.backends[0].state = "failed";
  const std::string text = top_text(now, rates_between(sample_status(), now), {});
  EXPECT_THAT(text, HasSubstr("\n  ! backend quad9 is out of rotation for 1 h 0 min\n"));
}

}  // namespace
}  // namespace control
