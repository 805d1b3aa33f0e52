#include "tls-workers/sessions/inflight.h"

#include <gtest/gtest.h>

#include <set>

namespace tests {
namespace {

using sessions::Asked;
using sessions::Inflight;
using sessions::Purpose;
using sessions::QuestionHandle;

const base::Time kStart{base::seconds(1000)};

TEST(Inflight, SettlesAnIdOnceForItsOwnQuestion) {
  Inflight inflight(7, 10);
  const uint16_t first = inflight.issue({1, 1}, Purpose::Serve, kStart);
  const uint16_t second = inflight.issue({2, 5}, Purpose::Trial, kStart + base::seconds(1));
  const std::optional<Asked> asked = inflight.settle(second);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->question, (QuestionHandle{2, 5}));
  EXPECT_EQ(asked->purpose, Purpose::Trial);
  EXPECT_EQ(asked->at, kStart + base::seconds(1));
  EXPECT_EQ(asked->state, Asked::State::Waiting);
  EXPECT_FALSE(inflight.settle(second));
  EXPECT_EQ(inflight.settle(first)->question, (QuestionHandle{1, 1}));
  EXPECT_EQ(inflight.waiting(), 0u);
}

TEST(Inflight, KnowsNoIdThatWasNotIssued) {
  Inflight inflight(100, 10);
  (void)inflight.issue({}, Purpose::Serve, kStart);
  for (unsigned id = 0; id < 65536; ++id) {
    if (id == 100) continue;
    EXPECT_FALSE(inflight.settle(static_cast<uint16_t>(id))) << id;
  }
  EXPECT_TRUE(inflight.settle(100));
}

TEST(Inflight, NeverIssuesAnIdTwice) {
  for (const uint16_t first : {uint16_t{0}, uint16_t{65535}, uint16_t{40000}}) {
    Inflight inflight(first, 1);
    std::set<uint16_t> ids;
    bool worn = false;
    while (inflight.has_room()) {
      EXPECT_EQ(worn, ids.size() >= Inflight::kWorn);
      const uint16_t id =
          inflight.issue({static_cast<uint32_t>(ids.size()), 1}, Purpose::Serve, kStart);
      EXPECT_TRUE(ids.insert(id).second);
      EXPECT_EQ(inflight.settle(id)->question.slot, ids.size() - 1);
      worn = inflight.worn();
    }
    EXPECT_EQ(ids.size(), Inflight::kIds);
    EXPECT_LT(Inflight::kIds, 65536u);
  }
}

TEST(Inflight, HasRoomForItsLimit) {
  Inflight inflight(0, 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(inflight.has_room());
    (void)inflight.issue({}, Purpose::Serve, kStart);
  }
  EXPECT_FALSE(inflight.has_room());
  EXPECT_TRUE(inflight.settle(1));
  EXPECT_TRUE(inflight.has_room());
}

TEST(Inflight, TimedOutIdStaysQuarantinedAndMayBeAnsweredOnce) {
  Inflight inflight(0, 1);
  const uint16_t id = inflight.issue({3, 3}, Purpose::Serve, kStart);
  EXPECT_EQ(inflight.oldest_id(), id);
  EXPECT_EQ(inflight.time_out_oldest().question, (QuestionHandle{3, 3}));
  EXPECT_TRUE(inflight.has_room());
  EXPECT_NE(inflight.issue({4, 4}, Purpose::Serve, kStart), id);
  const std::optional<Asked> late = inflight.settle(id);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->question, (QuestionHandle{3, 3}));
  EXPECT_EQ(late->state, Asked::State::TimedOut);
  EXPECT_EQ(inflight.waiting(), 1u);
  EXPECT_FALSE(inflight.settle(id));
}

TEST(Inflight, GivesUpWhatTimedOutToo) {
  Inflight inflight(0, 10);
  for (uint32_t slot = 0; slot < 4; ++slot) (void)inflight.issue({slot, 1}, Purpose::Serve, kStart);
  (void)inflight.time_out_oldest();
  (void)inflight.time_out_oldest();
  EXPECT_TRUE(inflight.settle(0));
  EXPECT_TRUE(inflight.settle(2));
  EXPECT_EQ(inflight.timed_out(), 1u);
  EXPECT_EQ(inflight.waiting(), 1u);
  std::vector<std::pair<uint32_t, Asked::State>> abandoned;
  inflight.abandon(
      [&](const Asked& asked) { abandoned.emplace_back(asked.question.slot, asked.state); });
  EXPECT_EQ(abandoned, (std::vector<std::pair<uint32_t, Asked::State>>{
                           {1, Asked::State::TimedOut}, {3, Asked::State::Waiting}}));
  EXPECT_EQ(inflight.timed_out() + inflight.waiting(), 0u);
}

TEST(Inflight, RemembersWhatASettledIdStoodFor) {
  Inflight inflight(65534, 5);
  const uint16_t waiting = inflight.issue({1, 1}, Purpose::Serve, kStart, {.hash = 7});
  const uint16_t overdue = inflight.issue({2, 1}, Purpose::Serve, kStart, {.hash = 8});
  const uint16_t settled = inflight.issue({3, 1}, Purpose::Serve, kStart, {.hash = 9});
  EXPECT_TRUE(inflight.settle(settled));
  ASSERT_TRUE(inflight.repeat(settled));
  EXPECT_EQ(inflight.repeat(settled)->fingerprint.hash, 9u);
  EXPECT_FALSE(inflight.repeat(waiting));
  EXPECT_FALSE(inflight.repeat(static_cast<uint16_t>(settled + 1)));
  EXPECT_EQ(inflight.time_out_oldest().question, (QuestionHandle{1, 1}));
  EXPECT_FALSE(inflight.repeat(waiting));
  EXPECT_TRUE(inflight.settle(waiting));
  EXPECT_TRUE(inflight.repeat(waiting));
  EXPECT_FALSE(inflight.repeat(overdue));
}

TEST(Inflight, PutsUpWithAsManyRepeatsAsThereWereQueries) {
  Inflight inflight(0, 3);
  for (int i = 0; i < 3; ++i) (void)inflight.issue({}, Purpose::Serve, kStart);
  EXPECT_TRUE(inflight.settle(1));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(inflight.repeat(1));
  EXPECT_FALSE(inflight.repeat(1));
}

TEST(Inflight, OldestIsTheFirstThatStillWaits) {
  Inflight inflight(0, 10);
  EXPECT_EQ(inflight.oldest(), nullptr);
  for (uint32_t slot = 0; slot < 4; ++slot) {
    (void)inflight.issue({slot, 1}, Purpose::Serve, kStart + base::milliseconds(slot));
  }
  EXPECT_TRUE(inflight.settle(0));
  EXPECT_TRUE(inflight.settle(2));
  ASSERT_NE(inflight.oldest(), nullptr);
  EXPECT_EQ(inflight.oldest()->question.slot, 1u);
  std::vector<uint32_t> abandoned;
  inflight.abandon([&](const Asked& asked) { abandoned.push_back(asked.question.slot); });
  EXPECT_EQ(abandoned, (std::vector<uint32_t>{1, 3}));
  inflight.abandon([](const Asked&) { FAIL() << "given up before"; });
  EXPECT_EQ(inflight.oldest(), nullptr);
  EXPECT_EQ(inflight.waiting(), 0u);
}

TEST(Inflight, KnowsWhatIsUnderWayWhateverElseTheQuestionWants) {
  Inflight inflight(0, 100);
  const auto asked = [](dns::Wants wants, dns::PoolId pool, dns::Type type = dns::Type::A) {
    constexpr std::array<std::byte, 3> kName = {std::byte{1}, std::byte{'a'}, std::byte{0}};
    return sessions::fingerprint_of(dns::make_question(kName, type, dns::Class::In, wants, pool));
  };
  const auto plain = asked(dns::Wants::Plain, dns::PoolId{0});
  EXPECT_FALSE(inflight.asks(plain.subject));
  const uint16_t id = inflight.issue({}, Purpose::Serve, kStart, plain);
  EXPECT_TRUE(inflight.asks(plain.subject));
  EXPECT_TRUE(inflight.asks(asked(dns::Wants::DnssecOk, dns::PoolId{1}).subject));
  EXPECT_FALSE(inflight.asks(asked(dns::Wants::Plain, dns::PoolId{0}, dns::Type::Aaaa).subject));
  (void)inflight.time_out_oldest();
  EXPECT_TRUE(inflight.asks(plain.subject)) << "it may still be answered";
  EXPECT_TRUE(inflight.settle(id));
  EXPECT_FALSE(inflight.asks(plain.subject));
  (void)inflight.issue({}, Purpose::Serve, kStart, plain);
  inflight.abandon([](const Asked&) {});
  EXPECT_FALSE(inflight.asks(plain.subject));
}

}  // namespace
}  // namespace tests
