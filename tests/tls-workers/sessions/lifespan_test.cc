#include "tls-workers/sessions/lifespan.h"

#include <gtest/gtest.h>

namespace tests {
namespace {

using base::milliseconds;
using sessions::Lifespan;

const base::Time kStart{base::seconds(1000)};

/// One after the other, each opened when the one before had ended.
class Server {
 public:
  void ends(base::Duration age, uint64_t answers) {
    now_ += age;
    lifespan_.ended(age, answers, now_);
  }
  [[nodiscard]] base::Duration age() const { return lifespan_.age(now_); }
  [[nodiscard]] uint64_t answers() const { return lifespan_.answers(now_); }
  [[nodiscard]] base::Duration age_after(base::Duration time) const {
    return lifespan_.age(now_ + time);
  }

 private:
  Lifespan lifespan_;
  base::Time now_ = kStart;
};

TEST(Lifespan, ExpectsNothingOfWhatHappenedOnce) {
  Server server;
  server.ends(milliseconds(1000), 57);
  EXPECT_EQ(server.age(), Lifespan::kForEver);
  EXPECT_EQ(server.answers(), Lifespan::kAnyNumber);
}

TEST(Lifespan, LearnsAnAge) {
  Server server;
  server.ends(milliseconds(1010), 57);
  server.ends(milliseconds(1015), 99);
  EXPECT_EQ(server.age(), Lifespan::kForEver) << "two may be alike by chance";
  server.ends(milliseconds(1002), 203);
  EXPECT_EQ(server.age(), milliseconds(1002));
  EXPECT_EQ(server.answers(), Lifespan::kAnyNumber);
}

TEST(Lifespan, LearnsNothingOfARestart) {
  Lifespan lifespan;
  for (uint64_t answers : {3, 3, 4}) lifespan.ended(milliseconds(30), answers, kStart);
  EXPECT_EQ(lifespan.age(kStart), Lifespan::kForEver);
  EXPECT_EQ(lifespan.answers(kStart), Lifespan::kAnyNumber);
}

TEST(Lifespan, LearnsANumberOfQueriesHoweverLongTheyTook) {
  Server server;
  server.ends(milliseconds(100), 20);
  server.ends(milliseconds(905), 20);
  EXPECT_EQ(server.answers(), Lifespan::kAnyNumber) << "two may be alike by chance";
  server.ends(milliseconds(105), 20);
  EXPECT_EQ(server.answers(), 20u);
  EXPECT_EQ(server.age(), Lifespan::kForEver);
  server.ends(milliseconds(9000), 20);
  EXPECT_EQ(server.answers(), 20u);
}

TEST(Lifespan, ForgetsWhatWasChance) {
  Server server;
  server.ends(milliseconds(5000), 20);
  server.ends(milliseconds(9000), 20);
  server.ends(milliseconds(7000), 20);
  EXPECT_EQ(server.answers(), 20u);
  server.ends(milliseconds(1000), 3);
  EXPECT_EQ(server.answers(), Lifespan::kAnyNumber);
  EXPECT_EQ(server.age(), Lifespan::kForEver);
}

TEST(Lifespan, ForgetsAfterAWhile) {
  Server server;
  server.ends(milliseconds(1000), 57);
  server.ends(milliseconds(1000), 60);
  server.ends(milliseconds(1000), 63);
  EXPECT_EQ(server.age_after(Lifespan::kKept - milliseconds(1)), milliseconds(1000));
  EXPECT_EQ(server.age_after(Lifespan::kKept), Lifespan::kForEver);
}

TEST(Lifespan, OfSessionsThatEndAtRandomIsNotKnown) {
  Server server;
  for (const auto& [age, answers] : {std::pair{3000, 40}, {900, 11}, {12'000, 300}, {200, 5}}) {
    server.ends(milliseconds(age), static_cast<uint64_t>(answers));
    EXPECT_EQ(server.age(), Lifespan::kForEver);
    EXPECT_EQ(server.answers(), Lifespan::kAnyNumber);
  }
}

}  // namespace
}  // namespace tests
