#include "tls-workers/questions/attempts.h"

#include <gtest/gtest.h>

namespace tests {
namespace {

using questions::Attempts;
using questions::Loss;
using Where = questions::Attempts::Where;

TEST(Attempts, GiveABackendThatFailedTwoMoreChances) {
  Attempts attempts;
  EXPECT_TRUE(attempts.may_ask(7));
  EXPECT_FALSE(attempts.has_failed());
  attempts.lost(7, Loss::Failed);
  EXPECT_TRUE(attempts.may_ask(7));
  EXPECT_EQ(attempts.in_vain(7), 1u);
  attempts.lost(7, Loss::Failed);
  EXPECT_TRUE(attempts.may_ask(7));
  attempts.lost(7, Loss::Failed);
  EXPECT_FALSE(attempts.may_ask(7));
  EXPECT_TRUE(attempts.may_ask(8));
  EXPECT_TRUE(attempts.has_failed());
}

TEST(Attempts, GiveNoneToABackendThatIsRuledOut) {
  Attempts attempts;
  attempts.lost(7, Loss::RuledOut);
  EXPECT_FALSE(attempts.may_ask(7));
  EXPECT_TRUE(attempts.may_ask(8));
}

TEST(Attempts, CountNoEndOfASessionAsAFailure) {
  Attempts attempts;
  for (int i = 1; i < Attempts::kMostCut; ++i) {
    attempts.lost(7, Loss::Cut);
    EXPECT_TRUE(attempts.may_ask(7)) << i;
  }
  EXPECT_FALSE(attempts.has_failed());
  EXPECT_EQ(attempts.in_vain(7), Attempts::kMostCut - 1u) << "others are asked first";
}

TEST(Attempts, EndWithACertainNumberOfSessions) {
  Attempts attempts;
  for (uint32_t i = 0; i < Attempts::kMostCut; ++i) attempts.lost(i % 3, Loss::Cut);
  EXPECT_TRUE(attempts.enough());
  for (uint32_t backend = 0; backend < 5; ++backend) EXPECT_FALSE(attempts.may_ask(backend));
  EXPECT_FALSE(attempts.has_failed());
}

TEST(Attempts, EndSoonerWhenSessionsEndOverNonsense) {
  Attempts attempts;
  for (uint32_t i = 0; i < Attempts::kMostSpoiled; ++i) {
    EXPECT_FALSE(attempts.enough());
    attempts.lost(7, Loss::Spoiled);
  }
  EXPECT_TRUE(attempts.enough());
}

TEST(Attempts, AskNobodyAgainWhoseAnswerMayStillCome) {
  Attempts attempts;
  attempts.late(7, Where::SessionAnswers);
  EXPECT_FALSE(attempts.may_ask(7));
  EXPECT_TRUE(attempts.may_ask(8));
  EXPECT_TRUE(attempts.has_failed());
  attempts.came_to_an_end(7);
  EXPECT_TRUE(attempts.may_ask(7)) << "twice more";
  attempts.lost(7, Loss::Failed);
  attempts.lost(7, Loss::Failed);
  EXPECT_FALSE(attempts.may_ask(7));
}

TEST(Attempts, AskOverAnotherSessionIfAllIsSilentOnOne) {
  Attempts attempts;
  for (int i = 1; i < Attempts::kMostFailures; ++i) {
    attempts.late(7, Where::SessionIsSilent);
    EXPECT_TRUE(attempts.may_ask(7));
  }
  attempts.late(7, Where::SessionIsSilent);
  EXPECT_FALSE(attempts.may_ask(7));
  attempts.came_to_an_end(7);
  EXPECT_FALSE(attempts.may_ask(7)) << "it has failed as often all the same";
}

TEST(Attempts, AskNoBackendMoreThanThreeTimesThoughNoneFails) {
  Attempts attempts;
  attempts.asked(7);
  EXPECT_TRUE(attempts.may_ask(7));
  EXPECT_EQ(attempts.in_vain(7), 1u) << "others are asked first";
  attempts.asked(7);
  EXPECT_TRUE(attempts.may_ask(7));
  attempts.asked(7);
  EXPECT_FALSE(attempts.may_ask(7));
  attempts.lost(7, Loss::Cut);
  EXPECT_TRUE(attempts.may_ask(7)) << "what went down with its session does not count";
  EXPECT_FALSE(attempts.has_failed());
}

TEST(Attempts, AreMadeAtSoManyBackendsOnly) {
  Attempts attempts;
  for (uint32_t backend = 0; backend < Attempts::kMostBackends; ++backend) {
    EXPECT_TRUE(attempts.may_ask(backend));
    attempts.lost(backend, Loss::Failed);
  }
  EXPECT_FALSE(attempts.may_ask(Attempts::kMostBackends));
  attempts.lost(Attempts::kMostBackends, Loss::Failed);
  EXPECT_TRUE(attempts.may_ask(0));
}

}  // namespace
}  // namespace tests
