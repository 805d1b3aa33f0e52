#include "dataplane/handler/pending.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/packet_builder.h"

namespace handler {
namespace {

using base::milliseconds;

constexpr base::Time kStart{base::seconds{1000}};

dns::Question question(const std::string& label) {
  std::string text(1, static_cast<char>(label.size()));
  text.append(label).push_back('\0');
  const tests::Bytes wire = tests::bytes_of(text);
  return dns::make_question(wire, dns::Type::A, dns::Class::In, dns::Wants::Plain, dns::PoolId{0});
}

struct TestAsker {
  uint16_t id;
  base::IpAddress address;
  [[nodiscard]] const base::IpAddress& client() const { return address; }
};

using Askers = Pending<TestAsker>;
using Parked = Askers::Parked;

TestAsker asker(uint16_t id, const char* client = "192.0.2.2") {
  return {id, tests::address(client)};
}

PendingLimits small() {
  return {.questions = 4, .askers = 8, .per_client = 100, .wait = milliseconds{1900}};
}

struct Released {
  std::vector<uint16_t> ids;
  std::vector<dns::Ede> done;
};

Released release(Askers& pending, unsigned limit = 1000) {
  Released released;
  pending.release(
      limit,
      [&](const TestAsker& parked, const Askers::Outcome&) { released.ids.push_back(parked.id); },
      [&](const Askers::Outcome& outcome) { released.done.push_back(outcome.ede); });
  return released;
}

TEST(Pending, MergesEqualQuestionsAndReleasesThemInOrder) {
  Askers pending(small());
  const auto first = pending.park(question("a"), asker(1), kStart);
  EXPECT_EQ(first.parked, Parked::First);
  EXPECT_EQ(pending.park(question("a"), asker(2), kStart).parked, Parked::Joined);
  EXPECT_EQ(pending.park(question("b"), asker(3), kStart).parked, Parked::First);
  EXPECT_EQ(pending.parked(), 3u);

  EXPECT_TRUE(pending.settle(first.ticket, {.ede = dns::Ede::NoReachableAuthority}));
  const Released released = release(pending);
  EXPECT_EQ(released.ids, (std::vector<uint16_t>{1, 2}));
  EXPECT_EQ(released.done, std::vector{dns::Ede::NoReachableAuthority});
  EXPECT_EQ(pending.parked(), 1u);
}

TEST(Pending, KeepsQuestionsThatDifferInAnyPartApart) {
  Askers pending(small());
  const dns::Question a = question("a");
  const auto wire = a.name.wire();
  EXPECT_EQ(pending.park(a, asker(1), kStart).parked, Parked::First);
  for (const auto& other : {dns::make_question(wire, dns::Type::Aaaa, a.klass, a.wants, a.pool),
                            dns::make_question(wire, a.type, a.klass, dns::Wants::DnssecOk, a.pool),
                            dns::make_question(wire, a.type, a.klass, a.wants, dns::PoolId{1})}) {
    EXPECT_EQ(pending.park(other, asker(1), kStart).parked, Parked::First);
  }
}

TEST(Pending, TellsQuestionsOfEqualHashApart) {
  Askers pending(small());
  dns::Question a = question("a"), b = question("b");
  b.hash = a.hash;
  EXPECT_EQ(pending.park(a, asker(1), kStart).parked, Parked::First);
  EXPECT_EQ(pending.park(b, asker(2), kStart).parked, Parked::First);
  EXPECT_EQ(pending.park(b, asker(3), kStart).parked, Parked::Joined);
}

TEST(Pending, ASettledQuestionTakesNobodyElseIn) {
  Askers pending(small());
  const auto first = pending.park(question("a"), asker(1), kStart);
  ASSERT_TRUE(pending.settle(first.ticket, {}));
  EXPECT_EQ(pending.park(question("a"), asker(2), kStart).parked, Parked::First);
  EXPECT_EQ(release(pending).ids, std::vector<uint16_t>{1});
}

TEST(Pending, IgnoresTicketsOfAnEarlierUse) {
  Askers pending(small());
  const auto first = pending.park(question("a"), asker(1), kStart);
  ASSERT_TRUE(pending.settle(first.ticket, {}));
  EXPECT_FALSE(pending.settle(first.ticket, {}));  // Settled already.
  release(pending);
  EXPECT_FALSE(pending.settle(first.ticket, {}));  // Free.
  const auto again = pending.park(question("b"), asker(2), kStart);
  ASSERT_EQ(again.ticket.slot, first.ticket.slot);
  EXPECT_FALSE(pending.settle(first.ticket, {}));  // Somebody else's.
  EXPECT_FALSE(pending.settle({.slot = 4000, .generation = 0}, {}));
  EXPECT_TRUE(pending.settle(again.ticket, {}));
}

TEST(Pending, SettlesWhoWaitsTooLongAsFailedInOrder) {
  Askers pending(small());
  (void)pending.park(question("a"), asker(1), kStart);
  (void)pending.park(question("b"), asker(2), kStart + milliseconds{500});
  (void)pending.park(question("a"), asker(3), kStart + milliseconds{950});
  EXPECT_EQ(pending.settle_expired(kStart + milliseconds{1899}, 10), 0u);
  EXPECT_EQ(pending.settle_expired(kStart + milliseconds{1900}, 10), 1u);
  const Released released = release(pending);
  EXPECT_EQ(released.ids, (std::vector<uint16_t>{1, 3}));
  EXPECT_EQ(released.done, std::vector{dns::Ede::NetworkError});
  EXPECT_EQ(pending.settle_expired(kStart + milliseconds{2400}, 10), 1u);
}

TEST(Pending, WhoComesLateWaitsForItself) {
  Askers pending(small());
  const auto first = pending.park(question("a"), asker(1), kStart);
  const base::Time late = kStart + milliseconds{951};
  const auto second = pending.park(question("a"), asker(2), late);
  EXPECT_EQ(second.parked, Parked::First);
  EXPECT_EQ(pending.park(question("a"), asker(3), late + milliseconds{1}).parked, Parked::Joined);
  EXPECT_EQ(pending.settle_expired(kStart + milliseconds{1900}, 10), 1u);
  EXPECT_EQ(release(pending).ids, std::vector<uint16_t>{1});
  EXPECT_FALSE(pending.settle(first.ticket, {}));
  EXPECT_EQ(pending.park(question("a"), asker(4), late + milliseconds{950}).parked, Parked::Joined);
  EXPECT_TRUE(pending.settle(second.ticket, {}));
  EXPECT_EQ(release(pending).ids, (std::vector<uint16_t>{2, 3, 4}));
}

TEST(Pending, WhoComesLateAndFindsNoSlotJoins) {
  PendingLimits limits = small();
  limits.questions = 1;
  Askers pending(limits);
  (void)pending.park(question("a"), asker(1), kStart);
  EXPECT_EQ(pending.park(question("a"), asker(2), kStart + milliseconds{1800}).parked,
            Parked::Joined);
}

TEST(Pending, TakesBackTheLaterOfTwo) {
  Askers pending(small());
  const auto first = pending.park(question("a"), asker(1), kStart);
  const auto second = pending.park(question("a"), asker(2), kStart + milliseconds{1000});
  pending.unpark_first(second.ticket);
  EXPECT_TRUE(pending.settle(first.ticket, {}));
  EXPECT_EQ(release(pending).ids, std::vector<uint16_t>{1});
  EXPECT_EQ(pending.parked(), 0u);
}

TEST(Pending, SettlesAndReleasesNoMoreThanAsked) {
  Askers pending(small());
  for (uint16_t i = 0; i < 4; ++i)
    (void)pending.park(question(std::string(1, static_cast<char>('a' + i))), asker(i), kStart);
  EXPECT_EQ(pending.settle_expired(kStart + base::seconds{9}, 3), 3u);
  EXPECT_EQ(release(pending, 2).ids.size(), 2u);
  EXPECT_EQ(release(pending, 2).ids.size(), 1u);
}

TEST(Pending, RefusesWhenQuestionsAskersOrAClientsShareAreUsedUp) {
  Askers questions(small());
  for (const char* label : {"a", "b", "c", "d"})
    EXPECT_EQ(questions.park(question(label), asker(1), kStart).parked, Parked::First);
  EXPECT_EQ(questions.park(question("e"), asker(1), kStart).parked, Parked::Full);
  EXPECT_EQ(questions.park(question("a"), asker(1), kStart).parked, Parked::Joined);

  Askers askers(small());
  for (uint16_t i = 0; i < 8; ++i)
    EXPECT_NE(askers.park(question("a"), asker(i), kStart).parked, Parked::Full);
  EXPECT_EQ(askers.park(question("a"), asker(9), kStart).parked, Parked::Full);

  PendingLimits limits = small();
  limits.per_client = 2;
  Askers clients(limits);
  (void)clients.park(question("a"), asker(1), kStart);
  (void)clients.park(question("b"), asker(2), kStart);
  EXPECT_EQ(clients.park(question("c"), asker(3), kStart).parked, Parked::ClientFull);
  EXPECT_EQ(clients.park(question("c"), asker(3, "192.0.2.3"), kStart).parked, Parked::First);
}

TEST(Pending, GetsEverythingBackHoweverItEnds) {
  Askers pending(small());
  for (int round = 0; round < 1000; ++round) {
    const base::Time now = kStart + base::seconds{round * 10};
    const auto a = pending.park(question("a"), asker(1), now);
    const auto b = pending.park(question("b"), asker(2), now);
    const auto c = pending.park(question("c"), asker(3), now);
    ASSERT_EQ(c.parked, Parked::First) << round;
    (void)pending.park(question("b"), asker(4), now);
    pending.unpark_first(a.ticket);
    ASSERT_TRUE(pending.settle(b.ticket, {}));
    ASSERT_EQ(pending.settle_expired(now + base::seconds{2}, 10), 1u);
    ASSERT_EQ(release(pending).ids, (std::vector<uint16_t>{2, 4, 3}));
    ASSERT_EQ(pending.parked(), 0u);
  }
}

}  // namespace
}  // namespace handler
