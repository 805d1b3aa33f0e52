#include "tls-workers/upstream/lifespan.h"

#include <gtest/gtest.h>

namespace tests {
namespace {

using base::milliseconds;
using tls::Lifespan;

const base::Time kStart{base::seconds(1000)};

TEST(Lifespan, ExpectsNothingOfWhatHappenedOnce) {
  Lifespan lifespan;
  lifespan.ended(milliseconds(1000), 57, kStart);
  EXPECT_EQ(lifespan.age(kStart), Lifespan::kForEver);
  EXPECT_EQ(lifespan.answers(kStart), Lifespan::kAnyNumber);
}

TEST(Lifespan, LearnsAnAge) {
  Lifespan lifespan;
  lifespan.ended(milliseconds(1010), 57, kStart);
  lifespan.ended(milliseconds(1002), 203, kStart);
  EXPECT_EQ(lifespan.age(kStart), milliseconds(1002));
  EXPECT_EQ(lifespan.answers(kStart), Lifespan::kAnyNumber);
}

TEST(Lifespan, LearnsANumberOfQueriesHoweverLongTheyTook) {
  Lifespan lifespan;
  lifespan.ended(milliseconds(100), 20, kStart);
  lifespan.ended(milliseconds(105), 20, kStart);
  EXPECT_EQ(lifespan.answers(kStart), 20u);
  EXPECT_EQ(lifespan.age(kStart), Lifespan::kForEver);
  lifespan.ended(milliseconds(9000), 20, kStart);
  EXPECT_EQ(lifespan.answers(kStart), 20u);
}

TEST(Lifespan, ForgetsWhatWasChance) {
  Lifespan lifespan;
  lifespan.ended(milliseconds(5000), 20, kStart);
  lifespan.ended(milliseconds(9000), 20, kStart);
  lifespan.ended(milliseconds(1000), 3, kStart);
  EXPECT_EQ(lifespan.answers(kStart), Lifespan::kAnyNumber);
  EXPECT_EQ(lifespan.age(kStart), Lifespan::kForEver);
}

TEST(Lifespan, ForgetsAfterAWhile) {
  Lifespan lifespan;
  lifespan.ended(milliseconds(1000), 57, kStart);
  lifespan.ended(milliseconds(1000), 60, kStart);
  EXPECT_EQ(lifespan.age(kStart + Lifespan::kKept - milliseconds(1)), milliseconds(1000));
  EXPECT_EQ(lifespan.age(kStart + Lifespan::kKept), Lifespan::kForEver);
}

TEST(Lifespan, OfSessionsThatEndAtRandomIsNotKnown) {
  Lifespan lifespan;
  for (const auto& [age, answers] : {std::pair{3000, 40}, {900, 11}, {12'000, 300}, {200, 5}}) {
    lifespan.ended(milliseconds(age), static_cast<uint64_t>(answers), kStart);
    EXPECT_EQ(lifespan.age(kStart), Lifespan::kForEver);
    EXPECT_EQ(lifespan.answers(kStart), Lifespan::kAnyNumber);
  }
}

}  // namespace
}  // namespace tests
