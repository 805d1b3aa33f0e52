#include "tls-workers/questions/failures.h"

#include <gtest/gtest.h>

namespace tests {
namespace {

using base::seconds;
using questions::Failures;

constexpr uint64_t kQuestion = 0x1234'5678'9ABC'DEF0;
constexpr base::Time kStart{seconds(1000)};

/// Fails the question as a worker would; says for how long that was kept.
uint32_t fail(Failures& failures, base::Time now, uint32_t first = 1, uint32_t longest = 5) {
  const uint32_t lifetime = failures.lifetime(kQuestion, first, longest, now);
  failures.failed(kQuestion, lifetime, now);
  return lifetime;
}

TEST(Failures, NothingFailsBeforeItHasFailed) {
  const Failures failures;
  EXPECT_FALSE(failures.hold(kQuestion, kStart));
  EXPECT_FALSE(failures.hold(0, kStart));
}

TEST(Failures, HoldForASecond) {
  Failures failures;
  fail(failures, kStart + base::milliseconds(900));
  EXPECT_TRUE(failures.hold(kQuestion, kStart + base::milliseconds(900)));
  EXPECT_TRUE(failures.hold(kQuestion, kStart + base::milliseconds(1899)));
  EXPECT_FALSE(failures.hold(kQuestion, kStart + base::milliseconds(1900)));
}

TEST(Failures, OfOneQuestionAreNotAnothers) {
  Failures failures;
  fail(failures, kStart);
  EXPECT_FALSE(failures.hold(kQuestion + Failures::kSlots, kStart));
}

TEST(Failures, InARowAreKeptTwiceAsLongEachTime) {
  Failures failures;
  base::Time now = kStart;
  for (const uint32_t expected : {1u, 2u, 4u, 5u, 5u}) {
    EXPECT_EQ(fail(failures, now), expected);
    now += seconds(expected);
    EXPECT_FALSE(failures.hold(kQuestion, now));
  }
}

TEST(Failures, NeverExceedFiveMinutes) {
  Failures failures;
  base::Time now = kStart;
  uint32_t lifetime = 0;
  for (int i = 0; i < 100; ++i) {
    lifetime = fail(failures, now, 5, Failures::kLongest);
    now += seconds(lifetime);
  }
  EXPECT_EQ(lifetime, 300u);
  fail(failures, now, 5, Failures::kLongest);
  EXPECT_TRUE(failures.hold(kQuestion, now + seconds(299)));
  EXPECT_FALSE(failures.hold(kQuestion, now + seconds(300)));
}

TEST(Failures, AnAnswerEndsTheRow) {
  Failures failures;
  fail(failures, kStart);
  fail(failures, kStart);
  failures.answered(kQuestion);
  EXPECT_FALSE(failures.hold(kQuestion, kStart));
  EXPECT_EQ(fail(failures, kStart), 1u);
}

TEST(Failures, FarApartAreNotARow) {
  Failures failures;
  fail(failures, kStart);
  EXPECT_EQ(fail(failures, kStart + seconds(400)), 1u);
}

TEST(Failures, AreForgottenAtOnce) {
  Failures failures;
  for (int i = 0; i < 3; ++i) fail(failures, kStart);
  failures.forget();
  EXPECT_FALSE(failures.hold(kQuestion, kStart));
  EXPECT_EQ(fail(failures, kStart), 1u) << "the row starts anew";
  EXPECT_TRUE(failures.hold(kQuestion, kStart));
}

TEST(Failures, NewerTakesTheOldersPlace) {
  Failures failures;
  fail(failures, kStart);
  failures.failed(kQuestion + Failures::kSlots, 1, kStart);
  EXPECT_FALSE(failures.hold(kQuestion, kStart));
  EXPECT_TRUE(failures.hold(kQuestion + Failures::kSlots, kStart));
}

}  // namespace
}  // namespace tests
