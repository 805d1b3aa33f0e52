// A front with a listener of its own and a hand-cranked clock; the test plays the clients, on real
// sockets, and the worker.
#include "tls-workers/frontend/frontend.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "dataplane/base/keyed_hash.h"
#include "dataplane/base/socket_address.h"
#include "dataplane/cache/cache.h"
#include "tests/message_builder.h"

namespace tests {
namespace {

using base::seconds;
using frontend::Closed;
using frontend::Refused;
using rules::Transport;

constexpr int kPatienceMs = 10'000;  // Only a test that fails waits so long.

/// One end of a connection, closed at the end.
class Client {
 public:
  explicit Client(const base::Endpoint& server)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const base::SocketAddress address = base::socket_address(server);
    EXPECT_EQ(connect(fd_, address.get(), address.size), 0);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const Bytes& octets) const {
    EXPECT_EQ(::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(octets.size()));
  }
  void ask(const std::string& name, uint16_t id = 1) const {
    const Bytes message = a_query(name).id(id).build();
    send(joined({bytes_of({0, static_cast<int>(message.size())}), message}));
  }
  void say_no_more() const { EXPECT_EQ(shutdown(fd_, SHUT_WR), 0); }
  /// Closing is a reset.
  void be_rude() const {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    EXPECT_EQ(setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  }
  [[nodiscard]] bool anything_to_read() const { return poll_for(0); }
  /// The next message; empty at the end of the connection.
  [[nodiscard]] Bytes receive() {
    const Bytes prefix = take(2);
    return prefix.empty() ? prefix : take(base::load_be16(prefix.data()));
  }
  [[nodiscard]] bool at_end() { return poll_for(kPatienceMs) && receive().empty(); }

 private:
  [[nodiscard]] bool poll_for(int milliseconds) const {
    pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
    return poll(&wanted, 1, milliseconds) == 1;
  }
  Bytes take(size_t size) {
    Bytes taken(size);
    for (size_t at = 0; at < size;) {
      EXPECT_TRUE(poll_for(kPatienceMs)) << "nothing came";
      const ssize_t got = recv(fd_, &taken[at], size - at, MSG_DONTWAIT);
      if (got <= 0) return {};
      at += static_cast<size_t>(got);
    }
    return taken;
  }

  int fd_;
};

base::Endpoint loopback_with_any_port() {
  return {.address = *base::IpAddress::parse("127.0.0.1"), .port = 0};
}

class FrontTest : public testing::Test {
 protected:
  FrontTest() {
    base::draw_hash_secret();
    const std::array loopback = {*base::Prefix::parse("127.0.0.0/8")};
    rules_.policy.acl = rules::AddressSet(loopback);
    std::vector<frontend::Listener> listeners;
    listeners.push_back(std::move(*frontend::Listener::open(loopback_with_any_port(), 64)));
    address_ = listeners.front().address();
    rules_.policy.binds = {{.address = address_, .to = {.cache = &cache_}}};
    rules_.places = {{.transport = Transport::Tcp}};
    published_ = &rules_;
    frontend_.emplace(0u, frontend::Frontend::Sharing{exchange_, readers_, clients_, published_},
                      std::move(listeners));
    frontend_->start();
  }
  ~FrontTest() override { frontend_->stop(now_); }

  [[nodiscard]] const frontend::Counters& counters() const { return frontend_->counters(); }

  void turn() {
    frontend_->readable();
    frontend_->hear(now_);
    frontend_->answer(now_);
  }
  /// Turns until `condition` holds: what a client does takes the kernel a moment.
  template <typename Condition>
  void turn_until(Condition condition) {
    for (int i = 0; i < kPatienceMs && !condition(); ++i) {
      turn();
      if (!condition()) usleep(1000);
    }
    EXPECT_TRUE(condition());
  }
  void turn_until_open(uint64_t count) {
    turn_until([&] { return counters().open[Transport::Tcp].read() == count; });
  }
  void turn_until_asked(uint64_t count) {
    turn_until([&] { return counters().queries[Transport::Tcp].read() == count; });
  }
  void pass(base::Duration time) { now_ += time; }

  /// The Misses that wait for the worker.
  [[nodiscard]] std::vector<exchange::Miss> misses() {
    std::vector<exchange::Miss> taken(64);
    taken.resize(exchange_.lane(1, 0).miss.pop(taken));
    return taken;
  }
  /// An answer without records, as the worker would have it.
  void fill(const exchange::Miss& miss) {
    cache::Entry* entry = cache::make_entry({.question = miss.question,
                                             .content = {},
                                             .inserted = now_,
                                             .expires = now_ + seconds{60}});
    cache_.insert(miss.question, entry, now_, reclaim_);
    entry->pin();
    EXPECT_TRUE(exchange_.lane(1, 0).fill.push({.ticket = miss.ticket, .entry = entry}));
  }
  static dns::Rcode rcode_of(const Bytes& reply) {
    EXPECT_GE(reply.size(), dns::kHeaderSize);
    return reply.size() < dns::kHeaderSize ? dns::Rcode{} : dns::Rcode(uint8_t(reply[3]) & 15);
  }

  base::Time now_{seconds{1000}};
  exchange::Exchange exchange_{{.cores = 1, .workers = 1, .fronts = 1, .misses = 64, .fills = 64}};
  cache::Readers readers_{2};
  cache::Cache cache_{"main", 1024};
  cache::Reclaim reclaim_{readers_};
  frontend::ClientConnections clients_;
  frontend::Rules rules_;
  frontend::PublishedRules published_{nullptr};
  base::Endpoint address_;
  std::optional<frontend::Frontend> frontend_;
};

TEST_F(FrontTest, SendsAMissAndAnswersWhenItsFillComes) {
  Client client(address_);
  client.ask("www.example.", 7);
  turn_until_asked(1);
  const std::vector<exchange::Miss> asked = misses();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(counters().parked.read(), 1u);
  EXPECT_FALSE(client.anything_to_read());
  fill(asked[0]);
  EXPECT_TRUE(frontend_->anything_waits());
  turn();
  const Bytes reply = client.receive();
  EXPECT_EQ(rcode_of(reply), dns::Rcode::NoError);
  EXPECT_EQ(base::load_be16(reply.data()), 7);
  EXPECT_EQ(counters().replies[rules::Outcome::Fill].read(), 1u);
  EXPECT_EQ(counters().parked.read(), 0u);
}

TEST_F(FrontTest, AnswersFromTheCacheInTheSameTurn) {
  Client client(address_);
  client.ask("www.example.");
  turn_until_asked(1);
  fill(misses().at(0));
  turn();
  (void)client.receive();
  client.ask("WWW.example.");
  turn_until_asked(2);
  EXPECT_EQ(rcode_of(client.receive()), dns::Rcode::NoError);
  EXPECT_EQ(counters().replies[rules::Outcome::Hit].read(), 1u);
  EXPECT_TRUE(misses().empty());
}

TEST_F(FrontTest, AsksOnceForAQuestionOfTwoConnections) {
  Client one(address_);
  Client other(address_);
  one.ask("www.example.", 1);
  other.ask("www.example.", 2);
  turn_until_asked(2);
  const std::vector<exchange::Miss> asked = misses();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(counters().merged.read(), 1u);
  fill(asked[0]);
  turn();
  EXPECT_EQ(base::load_be16(one.receive().data()), 1);
  EXPECT_EQ(base::load_be16(other.receive().data()), 2);
}

TEST_F(FrontTest, DropsTheAnswerForAConnectionThatIsGone) {
  {
    Client client(address_);
    client.ask("www.example.");
    turn_until_asked(1);
    client.be_rude();
  }
  turn_until_open(0);
  EXPECT_EQ(counters().closed[Closed::Reset].read(), 1u);
  // Its place is taken before the answer comes.
  Client next(address_);
  turn_until_open(1);
  fill(misses().at(0));
  turn();
  EXPECT_EQ(counters().dropped[rules::Drop::ClientGone].read(), 1u);
  EXPECT_EQ(counters().parked.read(), 0u);
  EXPECT_FALSE(next.anything_to_read());
}

TEST_F(FrontTest, ReadsNoFurtherWhileEnoughIsUnderWay) {
  rules_.limits.max_in_flight_queries = 2;
  Client client(address_);
  for (const char* name : {"a.example.", "b.example.", "c.example.", "d.example."})
    client.ask(name);
  turn_until_asked(2);
  turn();
  const std::vector<exchange::Miss> asked = misses();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(counters().queries[Transport::Tcp].read(), 2u);
  EXPECT_EQ(counters().paused.read(), 1u);
  fill(asked[0]);
  fill(asked[1]);
  turn_until_asked(4);
  for (const exchange::Miss& miss : misses()) fill(miss);
  turn();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(rcode_of(client.receive()), dns::Rcode::NoError) << i;
}

TEST_F(FrontTest, AnswersAClientThatHasClosedItsSideAndThenCloses) {
  Client client(address_);
  client.ask("www.example.");
  client.say_no_more();
  turn_until_asked(1);
  turn();
  EXPECT_EQ(counters().open[Transport::Tcp].read(), 1u);
  fill(misses().at(0));
  turn_until_open(0);
  EXPECT_EQ(rcode_of(client.receive()), dns::Rcode::NoError);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(counters().closed[Closed::ByClient].read(), 1u);
}

TEST_F(FrontTest, ClosesWhoHasAskedNothingForTooLong) {
  Client client(address_);
  turn_until_open(1);
  pass(rules_.limits.idle_timeout - base::milliseconds{1});
  turn();
  EXPECT_EQ(counters().open[Transport::Tcp].read(), 1u);
  pass(seconds{1});
  turn();
  EXPECT_EQ(counters().closed[Closed::Idle].read(), 1u);
  EXPECT_TRUE(client.at_end());
}

TEST_F(FrontTest, DoesNotTakeWaitingForAnswersForIdling) {
  Client client(address_);
  client.ask("www.example.");
  turn_until_asked(1);
  pass(rules_.limits.idle_timeout + seconds{1});
  turn();
  EXPECT_EQ(counters().closed.total(), 0u);
  // After 1.9 s without a Fill, the front has given up by itself.
  EXPECT_EQ(rcode_of(client.receive()), dns::Rcode::ServFail);
}

TEST_F(FrontTest, ClosesWhoSendsHalfAQueryAndNoMore) {
  Client client(address_);
  client.ask("www.example.");
  client.send(bytes_of({0, 40, 1, 2, 3}));
  turn_until_asked(1);
  turn();
  pass(rules_.limits.receive_timeout + seconds{1});
  turn();
  EXPECT_EQ(counters().closed[Closed::ReceiveTimeout].read(), 1u);
}

TEST_F(FrontTest, EndsAConnectionThatHasLastedLongEnoughWhenItIsAnswered) {
  rules_.limits.max_connection_duration = seconds{1};
  Client client(address_);
  client.ask("www.example.");
  turn_until_asked(1);
  pass(seconds{1});
  turn();
  fill(misses().at(0));
  turn();
  EXPECT_EQ(rcode_of(client.receive()), dns::Rcode::NoError);
  EXPECT_TRUE(client.at_end());
  client.say_no_more();
  turn_until_open(0);
  EXPECT_EQ(counters().closed[Closed::Duration].read(), 1u);
}

TEST_F(FrontTest, DoesNotWaitForEverForAClientThatDoesNotClose) {
  rules_.limits.max_queries_per_connection = 1;
  Client client(address_);
  client.ask("www.example.");
  client.ask("other.example.");
  turn_until_asked(1);
  fill(misses().at(0));
  turn();
  EXPECT_EQ(counters().open[Transport::Tcp].read(), 1u);
  pass(frontend::kLinger + seconds{1});
  turn();
  EXPECT_EQ(counters().closed[Closed::QueryLimit].read(), 1u);
  EXPECT_EQ(counters().queries[Transport::Tcp].read(), 1u);
}

TEST_F(FrontTest, LetsTheQuietestGiveWayAndNobodyWhomItOwesSomething) {
  rules_.limits.max_concurrent_connections = 3;
  Client asks(address_);
  turn_until_open(1);
  Client quiet(address_);
  turn_until_open(2);
  Client talks(address_);
  turn_until_open(3);
  asks.ask("a.example.");
  turn_until_asked(1);
  Client fourth(address_);
  turn_until([&] { return counters().closed[Closed::GaveWay].read() == 1; });
  EXPECT_TRUE(quiet.at_end());
  // Now everybody but the newest is owed something; then nobody is quiet.
  talks.ask("b.example.");
  fourth.ask("c.example.");
  turn_until_asked(3);
  Client fifth(address_);
  turn_until([&] { return counters().refused[Refused::Full].read() == 1; });
  EXPECT_TRUE(fifth.at_end());
  EXPECT_EQ(counters().open[Transport::Tcp].read(), 3u);
}

TEST_F(FrontTest, CountsWhoSpeaksHttp1ToDnsOverHttps) {
  rules_.places = {{.transport = Transport::Doh,
                    .paths = std::make_shared<const std::vector<std::string>>(1, "/dns-query")}};
  {
    const Client client(address_);
    client.send(bytes_of(std::as_bytes(std::span(std::string_view("GET / HTTP/1.1\r\n\r\n")))));
    turn_until([&] { return client.anything_to_read(); });
    turn();
    client.say_no_more();
    turn_until([&] { return counters().closed[Closed::Http1].read() == 1; });
  }
  EXPECT_EQ(counters().closed.total(), 1u) << "once";
}

TEST_F(FrontTest, GivesAClientOnlySoManyConnections) {
  rules_.limits.max_connections_per_client = 2;
  Client one(address_);
  turn_until_open(1);
  {
    Client two(address_);
    turn_until_open(2);
    Client three(address_);
    turn_until([&] { return counters().refused[Refused::ClientFull].read() == 1; });
    EXPECT_TRUE(three.at_end());
  }
  turn_until_open(1);
  Client four(address_);
  turn_until_open(2);
}

TEST_F(FrontTest, KeepsIdleConnectionsLessLongWhereRoomIsShort) {
  rules_.limits.max_concurrent_connections = 4;
  rules_.limits.connections_overload_threshold = 50;
  Client one(address_);
  Client two(address_);
  Client three(address_);
  turn_until_open(3);
  // Three of four, half of which is ample: half of the time.
  pass(rules_.limits.idle_timeout / 2 + base::milliseconds{1});
  turn();
  EXPECT_EQ(counters().closed[Closed::Idle].read(), 1u);
  // With one less there is more time again.
  EXPECT_EQ(counters().open[Transport::Tcp].read(), 2u);
}

TEST_F(FrontTest, TakesUpOtherRules) {
  Client client(address_);
  turn_until_open(1);
  frontend::Rules closed;
  closed.policy.binds = rules_.policy.binds;
  closed.places = rules_.places;
  published_ = &closed;
  client.ask("www.example.");
  turn_until_asked(1);
  EXPECT_EQ(rcode_of(client.receive()), dns::Rcode::Refused);
  EXPECT_TRUE(client.at_end());
  published_ = &rules_;
  turn();
}

TEST_F(FrontTest, TellsWhoeverWaitsThatItStops) {
  Client client(address_);
  client.ask("www.example.");
  turn_until_asked(1);
  frontend_->stop(now_);
  EXPECT_EQ(rcode_of(client.receive()), dns::Rcode::ServFail);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(counters().closed[Closed::Stopped].read(), 1u);
  frontend_->start();
}

TEST(ClientConnections, AreCountedByIpv4AddressAndIpv6Network) {
  const auto parse = [](const char* text) { return *base::IpAddress::parse(text); };
  frontend::ClientConnections clients;
  EXPECT_TRUE(clients.enter(parse("192.0.2.1"), 1));
  EXPECT_FALSE(clients.enter(parse("192.0.2.1"), 1));
  EXPECT_TRUE(clients.enter(parse("192.0.2.2"), 1));
  EXPECT_TRUE(clients.enter(parse("2001:db8::1"), 1));
  EXPECT_FALSE(clients.enter(parse("2001:db8::2:3:4:5"), 1));
  EXPECT_TRUE(clients.enter(parse("2001:db8:0:1::1"), 1));
  clients.leave(parse("192.0.2.1"));
  EXPECT_TRUE(clients.enter(parse("192.0.2.1"), 1));
  EXPECT_TRUE(clients.enter(parse("192.0.2.1"), 0));
}

TEST(Listener, SaysWhereAndWhyItCannotListen) {
  const int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  base::SocketAddress place = base::socket_address(loopback_with_any_port());
  ASSERT_EQ(bind(taken, place.get(), place.size), 0);
  ASSERT_EQ(listen(taken, 1), 0);
  ASSERT_EQ(getsockname(taken, reinterpret_cast<sockaddr*>(&place.storage), &place.size), 0);
  const uint16_t port = ntohs(reinterpret_cast<const sockaddr_in&>(place.storage).sin_port);
  const std::string address = "127.0.0.1:" + std::to_string(port);
  const auto listener = frontend::Listener::open(*base::Endpoint::parse(address, 0), 1);
  close(taken);
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().find("cannot listen for TCP at " + address), std::string::npos);
  EXPECT_NE(listener.error().find("another program"), std::string::npos) << listener.error();
}

TEST(Listener, ListensWhereThisMachineIsNotYetAndBesideItsTwin) {
  const base::Endpoint elsewhere = *base::Endpoint::parse("[2001:db8:9:9::1]:5353", 0);
  const auto one = frontend::Listener::open(elsewhere, 1);
  ASSERT_TRUE(one) << one.error();
  EXPECT_TRUE(frontend::Listener::open(elsewhere, 1));
}

}  // namespace
}  // namespace tests
