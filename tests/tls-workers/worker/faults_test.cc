// What a worker does when backends fail: who is asked instead, what askers are told, how a backend
// comes back.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>

#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// An address of this host at which nobody listens for as long as this lives.
class ClosedPort {
 public:
  ClosedPort() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~ClosedPort() { close(fd_); }
  [[nodiscard]] base::Endpoint endpoint() const {
    return *base::Endpoint::parse("127.0.0.1:" + std::to_string(port_), port_);
  }

 private:
  int fd_;
  uint16_t port_ = 0;
};

/// `bad` is preferred; `good` answers everything.
std::vector<backends::BackendSettings> bad_then_good(const base::Endpoint& bad,
                                                     const base::Endpoint& good) {
  std::vector<backends::BackendSettings> backends = {backend_at(bad, "bad"),
                                                     backend_at(good, "good")};
  backends[0].query_timeout = base::milliseconds(300);
  backends[1].order = 2;
  return backends;
}

/// Until both have a session, so that the bad one is asked first.
void wait_for_both(WorkerRig& rig) {
  ASSERT_TRUE(eventually(
      [&] { return rig.backend(0).sessions.read() == 1 && rig.backend(1).sessions.read() == 1; }));
}

/// A way for a server that shook hands properly to fail a query, and how that is counted.
struct BadServer {
  const char* name;
  backends::Failure counted;
  Script script;
};

Script for_each_query(std::function<void(Connection&, const Bytes&)> act) {
  return [act = std::move(act)](Connection& connection) {
    while (const auto query = connection.read_query()) act(connection, *query);
  };
}

std::vector<BadServer> bad_servers() {
  using backends::Failure;
  const auto prefix = [](int size) {
    return for_each_query([size](Connection& connection, const Bytes&) {
      connection.write(
          joined({bytes_of({size >> 8, size & 0xFF}), Bytes(static_cast<size_t>(size))}));
    });
  };
  return {
      {"silent", Failure::Deadline, answer_none},
      {"closes", Failure::Eof,
       for_each_query([](Connection& connection, const Bytes&) { connection.close(); })},
      {"closes_without_notify", Failure::Eof,
       for_each_query([](Connection& connection, const Bytes&) { connection.cut(); })},
      {"resets", Failure::Reset,
       [](Connection& connection) {
         if (connection.read_query()) connection.reset();
       }},
      {"closes_within_a_message", Failure::Eof,
       for_each_query([](Connection& connection, const Bytes& query) {
         Bytes frame = Connection::framed(answer_to(query));
         frame.resize(frame.size() - 1);
         connection.write(frame);
         connection.close();
       })},
      {"announces_more_and_stalls", Failure::Deadline,
       for_each_query([](Connection& connection, const Bytes&) {
         connection.write(bytes_of({0xFF, 0xFF, 1, 2, 3}));
       })},
      {"prefix_0", Failure::Malformed, prefix(0)},
      {"prefix_1", Failure::Malformed, prefix(1)},
      {"prefix_11", Failure::Malformed, prefix(11)},
      {"truncated", Failure::Malformed,
       for_each_query([](Connection& connection, const Bytes& query) {
         connection.send(MessageBuilder()
                             .id(id_of(query))
                             .flags(0x8380)
                             .question(name_in(query), dns::Type::A)
                             .build());
       })},
      {"not_a_response", Failure::Malformed,
       for_each_query([](Connection& connection, const Bytes& query) { connection.send(query); })},
      {"lying_counts", Failure::Malformed,
       for_each_query([](Connection& connection, const Bytes& query) {
         connection.send(MessageBuilder()
                             .id(id_of(query))
                             .flags(0x8180)
                             .question(name_in(query), dns::Type::A)
                             .claim({1, 5, 0, 0})
                             .build());
       })},
      {"servfail", Failure::ServFail,
       for_each_query([](Connection& connection, const Bytes& query) {
         connection.send(rcode_to(query, dns::Rcode::ServFail));
       })},
      {"refused", Failure::Refused, for_each_query([](Connection& connection, const Bytes& query) {
         connection.send(rcode_to(query, dns::Rcode::Refused));
       })},
  };
}

class WorkerFailover : public testing::TestWithParam<BadServer> {};

TEST_P(WorkerFailover, OtherBackendAnswers) {
  DotServer bad(good_identity(), {.script = GetParam().script});
  DotServer good(good_identity());
  WorkerRig rig(bad_then_good(bad.endpoint(), good.endpoint()));
  wait_for_both(rig);
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(bad.seen().size(), 1u);
  EXPECT_EQ(good.seen().size(), 1u);
  EXPECT_EQ(rig.failures(GetParam().counted, 0), 1u);
  EXPECT_EQ(rig.backend(0).failures.total(), 1u);
  EXPECT_EQ(rig.backend(1).failures.total(), 0u);
  EXPECT_NE(rig.cached("www.example."), nullptr);
}

TEST_P(WorkerFailover, WithoutAnotherTheAskerIsTold) {
  DotServer bad(good_identity(), {.script = GetParam().script});
  backends::BackendSettings only = backend_at(bad.endpoint());
  only.query_timeout = base::milliseconds(300);
  WorkerRig rig({.sessions_per_backend = 1, .question_life = base::seconds(1)}, {only});
  const exchange::Fill fill = rig.resolve("www.example.");
  const bool relayed = GetParam().counted == backends::Failure::ServFail ||
                       GetParam().counted == backends::Failure::Refused;
  EXPECT_EQ(fill.entry != nullptr, relayed);
  if (!relayed) {
    EXPECT_EQ(fill.ede, dns::Ede::NetworkError);
  }
  EXPECT_GE(rig.failures(GetParam().counted), 1u);
  // RFC 9520 §3.1 allows three, where nobody knows whose fault it was it may be more. Where
  // sessions end, the back-off does not leave time for more than a few.
  const bool hangs_up = GetParam().counted == backends::Failure::Eof ||
                        GetParam().counted == backends::Failure::Reset;
  EXPECT_LE(bad.seen().size(), hangs_up ? size_t{questions::Attempts::kMostCut}
                                        : size_t{questions::Attempts::kMostSpoiled});
}

INSTANTIATE_TEST_SUITE_P(Servers, WorkerFailover, testing::ValuesIn(bad_servers()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(WorkerFaults, FirstRefusalIsRelayedIfTheOtherFailsToo) {
  const auto refuse = [](dns::Rcode rcode) {
    return for_each_query([=](Connection& connection, const Bytes& query) {
      connection.send(rcode_to(query, rcode));
    });
  };
  DotServer first(good_identity(), {.script = refuse(dns::Rcode::Refused)});
  DotServer second(good_identity(), {.script = refuse(dns::Rcode::ServFail)});
  WorkerRig rig(bad_then_good(first.endpoint(), second.endpoint()));
  wait_for_both(rig);
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "rcode 5");
  EXPECT_EQ(rig.failures(backends::Failure::Refused, 0), 1u);
  EXPECT_EQ(rig.failures(backends::Failure::ServFail, 1),
            3u);                                   // That may pass, the first one's won't.
  EXPECT_NE(rig.cached("www.example."), nullptr);  // For a few seconds, RFC 9520 §3.2.
}

TEST(WorkerFaults, RefusalIsRelayedIfTheOtherFallsSilent) {
  DotServer first(good_identity(),
                  {.script = for_each_query([](Connection& connection, const Bytes& query) {
                     connection.send(rcode_to(query, dns::Rcode::ServFail));
                   })});
  DotServer second(good_identity(), {.script = answer_none});
  std::vector<backends::BackendSettings> backends =
      bad_then_good(first.endpoint(), second.endpoint());
  backends[1].query_timeout = base::milliseconds(300);
  WorkerRig rig(backends);
  wait_for_both(rig);
  EXPECT_EQ(address_in(rig.resolve("www.example.", base::seconds(1))), "rcode 2");
}

TEST(WorkerFaults, MissIsFailedByItsOwnDeadline) {
  DotServer silent(good_identity(), {.script = answer_none});
  backends::BackendSettings settings = backend_at(silent.endpoint());
  settings.query_timeout = kPatience * 10;
  WorkerRig rig({settings});
  const exchange::Fill fill = rig.resolve("www.example.", base::milliseconds(200));
  EXPECT_EQ(fill.entry, nullptr);
  EXPECT_EQ(fill.ede, dns::Ede::NetworkError);
}

TEST(WorkerFaults, AnswerAfterTheLastAskerGaveUpIsStillKept) {
  std::atomic<bool> go{false};
  DotServer slow(good_identity(),
                 {.script = for_each_query([&](Connection& connection, const Bytes& query) {
                    while (!go) std::this_thread::yield();
                    connection.send(answer_to(query));
                  })});
  backends::BackendSettings settings = backend_at(slow.endpoint());
  settings.query_timeout = kPatience * 10;
  WorkerRig rig({settings});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  EXPECT_EQ(rig.resolve("www.example.", base::milliseconds(100)).entry, nullptr);
  go = true;
  EXPECT_TRUE(eventually([&] { return rig.cached("www.example.") != nullptr; }));
  EXPECT_TRUE(rig.no_fill_waits());
}

TEST(WorkerFaults, SilentBackendIsTriedWithCopiesUntilItAnswers) {
  std::atomic<bool> silent{true};
  DotServer first(good_identity(),
                  {.script = for_each_query([&](Connection& connection, const Bytes& query) {
                     if (!silent) connection.send(answer_to(query, 300, {192, 0, 2, 2}));
                   })});
  DotServer second(good_identity());
  WorkerRig rig(bad_then_good(first.endpoint(), second.endpoint()));
  wait_for_both(rig);
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_EQ(rig.backend(0).up.read(), 0u);
  // Askers get the second backend's answers at once while copies still go unanswered at the first.
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(address_in(rig.resolve("b" + std::to_string(i) + ".example.")), "192.0.2.1");
  silent = false;
  int asked = 0;
  EXPECT_TRUE(eventually([&] {
    (void)rig.resolve("c" + std::to_string(asked++) + ".example.");
    return rig.backend(0).up.read() == 1;
  }));
  EXPECT_EQ(address_in(rig.resolve("d.example.")), "192.0.2.2");
  EXPECT_THAT(rig.notices(), Contains(HasSubstr("answers again")));
}

TEST(WorkerFaults, SilentSessionGivesUpAllThatIsUnderWayOnIt) {
  DotServer silent(good_identity(), {.script = answer_none});
  DotServer good(good_identity());
  WorkerRig rig({.sessions_per_backend = 1, .question_life = kPatience},
                bad_then_good(silent.endpoint(), good.endpoint()));
  wait_for_both(rig);
  for (int i = 0; i < 40; ++i) rig.ask("n" + std::to_string(i) + ".example.");
  for (int i = 0; i < 40; ++i) EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  // Once per query lost, however many went down with the session.
  EXPECT_EQ(rig.failures(backends::Failure::Deadline, 0), silent.seen().size());
}

TEST(WorkerFaults, RefusedConnectionFailsOver) {
  ClosedPort closed;
  DotServer good(good_identity());
  WorkerRig rig(bad_then_good(closed.endpoint(), good.endpoint()));
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_GE(rig.failures(backends::Failure::Connect, 0), 1u);
  EXPECT_EQ(rig.backend(0).up.read(), 0u);
}

TEST(WorkerFaults, RefusedConnectionAloneIsNoReachableAuthority) {
  ClosedPort closed;
  WorkerRig rig({backend_at(closed.endpoint())});
  // Not even the second time is that the name's failure.
  for (int i = 0; i < 2; ++i) {
    const exchange::Fill fill = rig.resolve("www.example.", base::milliseconds(300));
    EXPECT_EQ(fill.entry, nullptr);
    EXPECT_EQ(fill.ede, dns::Ede::NoReachableAuthority);
  }
  EXPECT_EQ(rig.worker().counters().failures_held.read(), 0u);
  EXPECT_LE(rig.failures(backends::Failure::Connect), 5u) << "the back-off holds all the same";
  EXPECT_THAT(rig.notices(), Contains(HasSubstr("Connection refused")));
}

TEST(WorkerFaults, PoolWithoutBackendsIsNoReachableAuthority) {
  DotServer good(good_identity());
  backends::BackendSettings elsewhere = backend_at(good.endpoint());
  elsewhere.pools = {dns::PoolId{1}};
  WorkerRig rig({elsewhere});
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::NoReachableAuthority);
  EXPECT_TRUE(good.seen().empty());
}

TEST(WorkerFaults, BackendComesBackByItself) {
  std::atomic<bool> broken{true};
  DotServer server(good_identity(), {.script = [&](Connection& connection) {
                     if (!broken) answer_all(connection);
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(rig.resolve("a.example.", base::milliseconds(300)).entry, nullptr);
  EXPECT_EQ(rig.backend().up.read(), 0u);
  broken = false;
  // Nobody asks anything meanwhile.
  EXPECT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(rig.backend().up.read(), 1u);
}

TEST(WorkerFaults, ServerThatClosesAfterEachQueryStillAnswers) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     if (const auto query = connection.read_query())
                       connection.send(answer_to(*query));
                     connection.close();
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  constexpr unsigned kQueries = 20;
  for (unsigned i = 0; i < kQueries; ++i) {
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(i) + ".example.")), "192.0.2.1");
  }
  EXPECT_LE(server.connections(), kQueries * 2);
  EXPECT_GE(rig.backend().handshakes_resumed.read(), 1u);
}

TEST(WorkerFaults, ServerThatClosesAfterSomeQueriesLosesNone) {
  constexpr int kEach = 20;
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     for (int i = 0; i < kEach; ++i) {
                       const auto query = connection.read_query();
                       if (!query) return;
                       connection.send(answer_to(*query));
                     }
                     connection.close();
                   }});
  // Twenty handshakes one after the other may take a busy machine longer than a question lives.
  WorkerRig rig({.sessions_per_backend = 2, .question_life = kPatience},
                {backend_at(server.endpoint())});
  constexpr int kQueries = 400;
  for (int i = 0; i < kQueries; ++i) {
    rig.ask("n" + std::to_string(i) + ".example.");
    if (i % 5 == 0) std::this_thread::sleep_for(base::milliseconds(1));
  }
  for (int i = 0; i < kQueries; ++i) EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  EXPECT_EQ(rig.worker().counters().failures_held.read(), 0u);
}

TEST(WorkerFaults, ServerThatClosesOnEachQueryGetsFewConnections) {
  DotServer server(
      good_identity(),
      {.script = for_each_query([](Connection& connection, const Bytes&) { connection.close(); })});
  WorkerRig rig({backend_at(server.endpoint())});
  constexpr int kQueries = 50;
  for (int i = 0; i < kQueries; ++i)
    rig.ask("n" + std::to_string(i) + ".example.", 0, base::seconds(1));
  for (int i = 0; i < kQueries; ++i) EXPECT_EQ(rig.next_fill().ede, dns::Ede::NetworkError);
  EXPECT_LE(server.connections(), 6u);  // Pauses of 100 ms, doubling, and a quarter less.
  // Who asks again is not told that the name has failed.
  EXPECT_NE(rig.resolve("n0.example.", base::milliseconds(100)).ede, dns::Ede::CachedError);
}

TEST(WorkerFaults, FailureThatPassesIsNotTold) {
  std::atomic<int> asked{0};
  DotServer server(good_identity(),
                   {.script = for_each_query([&](Connection& connection, const Bytes& query) {
                      connection.send(asked++ % 2 == 0 ? rcode_to(query, dns::Rcode::ServFail)
                                                       : answer_to(query));
                    })});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(asked, 4);
}

TEST(WorkerFaults, EveryBackendIsAskedThreeTimesBeforeAFailureIsTold) {
  const auto fail = for_each_query([](Connection& connection, const Bytes& query) {
    connection.send(rcode_to(query, dns::Rcode::ServFail));
  });
  std::deque<DotServer> servers;
  std::vector<backends::BackendSettings> backends;
  for (int i = 0; i < 3; ++i) {
    servers.emplace_back(good_identity(), DotServerSettings{.script = fail});
    backends.push_back(backend_at(servers.back().endpoint(), "backend" + std::to_string(i)));
  }
  WorkerRig rig(backends);
  ASSERT_TRUE(eventually([&] { return rig.backend(2).sessions.read() == 1; }));
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "rcode 2");
  for (const DotServer& server : servers) EXPECT_EQ(server.seen().size(), 3u);
}

TEST(WorkerFaults, ServerThatAllowsOneConnectionIsLeftAloneWithAnother) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     if (connection.number() == 0) answer_all(connection);
                   }});
  WorkerRig rig({.sessions_per_backend = 2}, {backend_at(server.endpoint())});
  constexpr int kQuestions = 60;
  for (int i = 0; i < kQuestions; ++i) {
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(i) + ".example.")), "192.0.2.1");
    std::this_thread::sleep_for(base::milliseconds(20));
  }
  // Each pause is twice as long as the one before, though there are answers all the time.
  EXPECT_GE(server.connections(), 2u);
  EXPECT_LE(server.connections(), 12u);
  EXPECT_EQ(rig.backend().up.read(), 1u);
  EXPECT_LE(rig.backend().failures.total(), 1u) << "unless it came before any answer";
}

TEST(WorkerFaults, ServerMayCloseAnIdleSession) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       connection.send(answer_to(*query));
                       if (name_in(*query) == wire_name("last.example.")) connection.close();
                     }
                   }});
  WorkerRig rig({backend_at(server.endpoint())});
  EXPECT_EQ(address_in(rig.resolve("last.example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("next.example.")), "192.0.2.1");
  // Unless the second question went there before the end was seen: that is told, and asked again.
  EXPECT_TRUE(rig.notices().empty() || rig.failures(backends::Failure::Eof) > 0);
  EXPECT_EQ(rig.backend().up.read(), 1u);
}

TEST(WorkerFaults, SessionIsClosedWhenItHasBeenIdle) {
  DotServer server(good_identity());
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.idle_timeout = base::milliseconds(50);
  WorkerRig rig({settings});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_TRUE(eventually([&] { return rig.backend().sessions.read() == 0; }));
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

TEST(WorkerFaults, ServerMayShortenTheIdleTimeout) {
  DotServer server(
      good_identity(),
      {.script = for_each_query([](Connection& connection, const Bytes& query) {
         connection.send(MessageBuilder()
                             .id(id_of(query))
                             .flags(0x8180)
                             .question(name_in(query), dns::Type::A)
                             .answer(a_record(pointer_to_question(), 60, {192, 0, 2, 1}))
                             .opt({.options = {{dns::option::kKeepalive, bytes_of({0, 0}), {}}}})
                             .build());
       })});
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.idle_timeout = kPatience * 10;
  WorkerRig rig({settings});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");
  EXPECT_TRUE(eventually([&] { return rig.backend().sessions.read() == 0; }));
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

TEST(WorkerFaults, ServerThatDoesNotReadHoldsUpNobody) {
  std::atomic<bool> done{false};
  DotServer deaf(good_identity(), {.script = [&](Connection&) {
                   while (!done) std::this_thread::sleep_for(base::milliseconds(1));
                 }});
  DotServer good(good_identity());
  std::vector<backends::BackendSettings> backends = bad_then_good(deaf.endpoint(), good.endpoint());
  backends[0].max_in_flight = 60'000;
  WorkerRig rig({.sessions_per_backend = 1, .question_life = kPatience}, backends);
  wait_for_both(rig);
  // Far more than the socket's buffers take.
  constexpr int kQueries = 15'000;
  for (int i = 0; i < kQueries; ++i) rig.ask("n" + std::to_string(i) + ".example.");
  for (int i = 0; i < kQueries; ++i) EXPECT_NE(rig.next_fill().entry, nullptr);
  done = true;
}

}  // namespace
}  // namespace tests
