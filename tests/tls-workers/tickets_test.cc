#include "tls-workers/upstream/tickets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace tests {
namespace {

const base::Time kStart{base::seconds(1000)};

/// One that OpenSSL takes for resumable; `mark` tells it from others.
tls::SslSession made_session(unsigned mark) {
  tls::SslSession session(SSL_SESSION_new());
  const unsigned char id[4] = {1, 2, 3, static_cast<unsigned char>(mark)};
  EXPECT_EQ(SSL_SESSION_set1_id(session.get(), id, sizeof id), 1);
  EXPECT_EQ(SSL_SESSION_is_resumable(session.get()), 1);
  return session;
}

unsigned mark_of(const tls::SslSession& session) {
  unsigned size = 0;
  return SSL_SESSION_get_id(session.get(), &size)[3];
}

TEST(TicketBox, GivesEachTicketOnce) {
  tls::TicketBox box;
  EXPECT_EQ(box.take(kStart), nullptr);
  box.put(made_session(1), kStart);
  box.put(made_session(2), kStart);
  EXPECT_EQ(mark_of(box.take(kStart)), 1u);
  EXPECT_EQ(mark_of(box.take(kStart)), 2u);
  EXPECT_EQ(box.take(kStart), nullptr);
}

TEST(TicketBox, KeepsTheNewest) {
  tls::TicketBox box;
  constexpr unsigned kPut = tls::TicketBox::kCapacity + 5;
  for (unsigned i = 0; i < kPut; ++i) box.put(made_session(i), kStart);
  for (unsigned i = 5; i < kPut; ++i) EXPECT_EQ(mark_of(box.take(kStart)), i);
  EXPECT_EQ(box.take(kStart), nullptr);
}

TEST(TicketBox, ForgetsOldOnes) {
  tls::TicketBox box;
  box.put(made_session(1), kStart);
  box.put(made_session(2), kStart + base::seconds(10));
  EXPECT_EQ(mark_of(box.take(kStart + tls::TicketBox::kLifetime + base::seconds(1))), 2u);
  box.put(made_session(3), kStart);
  EXPECT_EQ(box.take(kStart + tls::TicketBox::kLifetime + base::seconds(1)), nullptr);
}

TEST(Tickets, OneBoxForEachIdentity) {
  tls::Tickets tickets;
  tls::TicketBox& a = tickets.of("192.0.2.1:853|a.example");
  tls::TicketBox& b = tickets.of("192.0.2.1:853|b.example");
  EXPECT_EQ(&tickets.of("192.0.2.1:853|a.example"), &a);
  a.put(made_session(1), kStart);
  EXPECT_EQ(b.take(kStart), nullptr);
}

TEST(Tickets, WorkersShareThem) {
  tls::Tickets tickets;
  std::atomic<unsigned> taken{0};
  constexpr unsigned kEach = 5000;
  const auto work = [&] {
    for (unsigned i = 0; i < kEach; ++i) {
      tickets.of("x").put(made_session(i), kStart);
      if (tickets.of("x").take(kStart) != nullptr) ++taken;
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
