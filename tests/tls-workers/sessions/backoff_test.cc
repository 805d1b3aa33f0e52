#include "tls-workers/sessions/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace tests {
namespace {

using base::milliseconds;
using sessions::Backoff;

const base::Time kStart{base::seconds(1000)};

TEST(Backoff, DoublesWithinAQuarterUpToTheLongest) {
  for (uint64_t seed = 1; seed < 200; ++seed) {
    Backoff backoff(seed);
    base::Time now = kStart;
    for (const int expected : {100, 200, 400, 800, 1600, 3200, 6400, 10'000, 10'000, 10'000}) {
      backoff.failed(now);
      EXPECT_GE(backoff.until() - now, milliseconds(expected) * 3 / 4);
      EXPECT_LE(backoff.until() - now, milliseconds(expected) * 5 / 4);
      EXPECT_TRUE(backoff.pausing(now));
      EXPECT_TRUE(backoff.pausing(backoff.until() - milliseconds(1)));
      now = backoff.until();
      EXPECT_FALSE(backoff.pausing(now));
    }
  }
}

TEST(Backoff, FailuresDuringThePauseAreOne) {
  Backoff backoff(1);
  backoff.failed(kStart);
  const base::Time until = backoff.until();
  for (int i = 0; i < 100; ++i) backoff.failed(kStart + milliseconds(i / 2));
  EXPECT_EQ(backoff.until(), until);
}

TEST(Backoff, AnAnswerForgetsEverything) {
  Backoff backoff(1);
  base::Time now = kStart;
  for (int i = 0; i < 5; ++i) {
    backoff.failed(now);
    now = backoff.until();
  }
  backoff.failed(now);
  backoff.answered();
  EXPECT_FALSE(backoff.pausing(now));
  backoff.failed(now);
  EXPECT_LE(backoff.until() - now, Backoff::kFirst * 5 / 4);
}

TEST(Backoff, SeedsSpreadThePauses) {
  std::set<base::Duration> pauses;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Backoff backoff(seed * 0x9E3779B97F4A7C15u);
    backoff.failed(kStart);
    pauses.insert(backoff.until() - kStart);
  }
  EXPECT_GT(pauses.size(), 100u);
  EXPECT_GT(*pauses.rbegin() - *pauses.begin(), milliseconds(40));
}

}  // namespace
}  // namespace tests
