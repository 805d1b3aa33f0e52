#include "tls-workers/transport/tickets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <ctime>
#include <thread>

#include "tests/tls-workers/certificates.h"
#include "tests/tls-workers/sessions/session_maker.h"

namespace tests {
namespace {

const base::Time kStart{base::seconds(1000)};

std::time_t today() { return std::time(nullptr); }

/// One that OpenSSL takes for resumable, with a certificate that is valid for an hour; `mark` tells
/// it from others.
transport::SslSession made_session(unsigned mark) {
  static const transport::SslSession first = session_with(Authority().issue({}));
  transport::SslSession session(SSL_SESSION_dup(first.get()));
  const unsigned char id[4] = {1, 2, 3, static_cast<unsigned char>(mark)};
  EXPECT_EQ(SSL_SESSION_set1_id(session.get(), id, sizeof id), 1);
  EXPECT_EQ(SSL_SESSION_is_resumable(session.get()), 1);
  return session;
}

unsigned mark_of(const transport::SslSession& session) {
  unsigned size = 0;
  return SSL_SESSION_get_id(session.get(), &size)[3];
}

TEST(TicketBox, GivesEachTicketOnce) {
  transport::TicketBox box;
  EXPECT_EQ(box.take(kStart, today()), nullptr);
  box.put(made_session(1), kStart);
  box.put(made_session(2), kStart);
  EXPECT_EQ(mark_of(box.take(kStart, today())), 1u);
  EXPECT_EQ(mark_of(box.take(kStart, today())), 2u);
  EXPECT_EQ(box.take(kStart, today()), nullptr);
}

TEST(TicketBox, KeepsTheNewest) {
  transport::TicketBox box;
  constexpr unsigned kPut = transport::TicketBox::kCapacity + 5;
  for (unsigned i = 0; i < kPut; ++i) box.put(made_session(i), kStart);
  for (unsigned i = 5; i < kPut; ++i) EXPECT_EQ(mark_of(box.take(kStart, today())), i);
  EXPECT_EQ(box.take(kStart, today()), nullptr);
}

TEST(TicketBox, ForgetsOldOnes) {
  transport::TicketBox box;
  box.put(made_session(1), kStart);
  box.put(made_session(2), kStart + base::seconds(10));
  EXPECT_EQ(mark_of(box.take(kStart + transport::TicketBox::kLifetime + base::seconds(1), today())),
            2u);
  box.put(made_session(3), kStart);
  EXPECT_EQ(box.take(kStart + transport::TicketBox::kLifetime + base::seconds(1), today()),
            nullptr);
}

TEST(TicketBox, KeepsNoTicketBeyondItsCertificate) {
  transport::TicketBox box;
  box.put(session_with(Authority().issue({.not_before = -60, .not_after = 600})), kStart);
  EXPECT_EQ(box.take(kStart, today() + 601), nullptr);
  box.put(session_with(Authority().issue({.not_before = -60, .not_after = 600})), kStart);
  EXPECT_EQ(box.take(kStart, today() - 120), nullptr) << "a clock that was put back";
  box.put(session_with(Authority().issue({.not_before = -60, .not_after = 600})), kStart);
  EXPECT_NE(box.take(kStart, today()), nullptr);
}

TEST(TicketBox, KeepsNoChainOfResumedSessionsBeyondAnHour) {
  transport::TicketBox box;
  box.put(made_session(1), kStart);
  constexpr base::seconds kStep = transport::TicketBox::kLifetime;
  for (base::Time now = kStart + kStep; now <= kStart + transport::TicketBox::kProofLifetime;
       now += kStep) {
    const transport::SslSession resumed = box.take(now, today());
    ASSERT_NE(resumed, nullptr);
    EXPECT_EQ(transport::proved_at(resumed.get()), kStart);
    // What OpenSSL makes of the ticket that comes with a resumed session.
    box.put(transport::SslSession(SSL_SESSION_dup(resumed.get())), now);
  }
  EXPECT_EQ(box.take(kStart + transport::TicketBox::kProofLifetime + base::seconds(1), today()),
            nullptr);
}

TEST(TicketBox, GivesOutNoSessionWithoutACertificate) {
  transport::TicketBox box;
  transport::SslSession session(SSL_SESSION_new());
  const unsigned char id[4] = {1, 2, 3, 4};
  ASSERT_EQ(SSL_SESSION_set1_id(session.get(), id, sizeof id), 1);
  ASSERT_EQ(SSL_SESSION_is_resumable(session.get()), 1);
  box.put(std::move(session), kStart);
  EXPECT_EQ(box.take(kStart, today()), nullptr);
}

TEST(Tickets, OneBoxForEachIdentity) {
  transport::Tickets tickets;
  const auto a = tickets.of("192.0.2.1:853|a.example");
  const auto b = tickets.of("192.0.2.1:853|b.example");
  EXPECT_EQ(tickets.of("192.0.2.1:853|a.example"), a);
  a->put(made_session(1), kStart);
  EXPECT_EQ(b->take(kStart, today()), nullptr);
}

TEST(Tickets, FlushForgetsThemAll) {
  transport::Tickets tickets;
  const auto a = tickets.of("a");
  const auto b = tickets.of("b");
  for (unsigned i = 0; i < transport::TicketBox::kCapacity; ++i) a->put(made_session(i), kStart);
  b->put(made_session(1), kStart);
  tickets.flush();
  EXPECT_EQ(a->take(kStart, today()), nullptr);
  EXPECT_EQ(b->take(kStart, today()), nullptr);
  EXPECT_EQ(tickets.of("a"), a);
}

TEST(Tickets, BoxesAreBounded) {
  transport::Tickets tickets;
  const auto held = tickets.of("held");
  for (size_t i = 1; i < transport::Tickets::kMaxBoxes; ++i) (void)tickets.of(std::to_string(i));
  // There is no room for this one, but for those that nobody holds.
  const auto next = tickets.of("next");
  EXPECT_EQ(tickets.of("next"), next);
  EXPECT_EQ(tickets.of("held"), held);
}

TEST(Tickets, BeyondTheBoundABoxIsTheCallersAlone) {
  transport::Tickets tickets;
  std::vector<std::shared_ptr<transport::TicketBox>> held;
  for (size_t i = 0; i < transport::Tickets::kMaxBoxes; ++i)
    held.push_back(tickets.of(std::to_string(i)));
  const auto alone = tickets.of("alone");
  ASSERT_NE(alone, nullptr);
  EXPECT_NE(tickets.of("alone"), alone);
  alone->put(made_session(1), kStart);
  EXPECT_NE(alone->take(kStart, today()), nullptr);
}

TEST(Tickets, WorkersShareThem) {
  transport::Tickets tickets;
  std::atomic<unsigned> taken{0};
  constexpr unsigned kEach = 5000;
  const auto work = [&] {
    for (unsigned i = 0; i < kEach; ++i) {
      tickets.of("x")->put(made_session(i), kStart);
      if (tickets.of("x")->take(kStart, today()) != nullptr) ++taken;
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_GT(taken, 0u);
  EXPECT_LE(taken, 2 * kEach);
}

}  // namespace
}  // namespace tests
