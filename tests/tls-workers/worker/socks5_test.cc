// A worker that reaches its backends through a proxy, and never otherwise.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

/// A proxy that does what RFC 1928 says, whatever host is asked for: everything leads to
/// `resolver`. Runs as the raw script of a DotServer, one thread for each connection.
class Proxy {
 public:
  struct Settings {
    bool wants_login = false;
    int reply = 0;             // Of CONNECT.
    size_t says_at_most = 99;  // Octets; then silence.
  };

  Proxy(const base::Endpoint& resolver, Settings settings)
      : resolver_(resolver),
        settings_(settings),
        server_(good_identity(), {.raw = [this](int fd) { serve(fd); }}) {}

  [[nodiscard]] base::Endpoint endpoint() const { return server_.endpoint(); }
  [[nodiscard]] unsigned connections() const { return server_.connections(); }
  [[nodiscard]] std::vector<Bytes> logins() const {
    const std::lock_guard lock(mutex_);
    return logins_;
  }
  [[nodiscard]] std::vector<Bytes> targets() const {
    const std::lock_guard lock(mutex_);
    return targets_;
  }

 private:
  static Bytes read_exactly(int fd, size_t size) {
    Bytes octets(size);
    if (recv(fd, octets.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) octets.clear();
    return octets;
  }
  /// One octet at a time, so that nobody relies on whole messages.
  static void say(int fd, const Bytes& octets, size_t& budget) {
    for (const std::byte octet : octets) {
      if (budget == 0) return;
      --budget;
      (void)send(fd, &octet, 1, MSG_NOSIGNAL);
    }
  }

  void serve(int fd) {
    size_t budget = settings_.says_at_most;
    if (read_exactly(fd, 4) != bytes_of({5, 2, 0, 2})) return;
    say(fd, bytes_of({5, settings_.wants_login ? 2 : 0}), budget);
    if (settings_.wants_login) {
      Bytes login = read_exactly(fd, 2);
      if (login.empty()) return;
      const Bytes user = read_exactly(fd, static_cast<size_t>(login[1]));
      const Bytes size = read_exactly(fd, 1);
      if (size.empty()) return;
      (void)read_exactly(fd, static_cast<size_t>(size[0]));
      {
        const std::lock_guard lock(mutex_);
        logins_.push_back(user);
      }
      say(fd, bytes_of({1, 0}), budget);
    }
    const Bytes head = read_exactly(fd, 4);
    if (head.empty()) return;
    Bytes target;
    if (head[3] == std::byte{3}) {
      const Bytes size = read_exactly(fd, 1);
      if (size.empty()) return;
      target = read_exactly(fd, static_cast<size_t>(size[0]));
    } else {
      target = read_exactly(fd, 4);
    }
    (void)read_exactly(fd, 2);
    {
      const std::lock_guard lock(mutex_);
      targets_.push_back(target);
    }
    say(fd, bytes_of({5, settings_.reply, 0, 1, 127, 0, 0, 1, 0, 80}), budget);
    if (settings_.reply != 0) return;
    if (budget == 0) {
      (void)read_exactly(fd, 1);  // Until the client has had enough.
      return;
    }
    relay(fd);
  }

  void relay(int client) {
    const int resolver = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(resolver_.port);
    if (connect(resolver, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      pollfd ends[2] = {{client, POLLIN, 0}, {resolver, POLLIN, 0}};
      while (poll(ends, 2, -1) > 0) {
        if (!pass_on(ends[0], resolver) || !pass_on(ends[1], client)) break;
      }
    }
    close(resolver);
  }
  static bool pass_on(const pollfd& from, int to) {
    if (from.revents == 0) return true;
    std::array<std::byte, 16384> octets;
    const ssize_t size = recv(from.fd, octets.data(), octets.size(), 0);
    return size > 0 && send(to, octets.data(), static_cast<size_t>(size), MSG_NOSIGNAL) == size;
  }

  base::Endpoint resolver_;
  Settings settings_;
  mutable std::mutex mutex_;
  std::vector<Bytes> logins_;
  std::vector<Bytes> targets_;
  DotServer server_;
};

/// An address where nobody is asked: with a proxy it is only a word.
backends::BackendSettings behind(const Proxy& proxy, const std::string& user = "user") {
  backends::BackendSettings settings = backend_at(*base::Endpoint::parse("192.0.2.1:853", 853));
  settings.socks5 = {proxy.endpoint(), user, "word"};
  return settings;
}

TEST(WorkerSocks5, AsksThroughTheProxy) {
  for (const bool wants_login : {false, true}) {
    DotServer server(good_identity());
    Proxy proxy(server.endpoint(), {.wants_login = wants_login});
    WorkerRig rig({behind(proxy)});
    EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
    EXPECT_THAT(proxy.targets(), Contains(bytes_of({192, 0, 2, 1})));
    EXPECT_EQ(proxy.logins().size(), wants_login ? 1u : 0u);
    EXPECT_EQ(rig.backend().failures.total(), 0u);
  }
}

TEST(WorkerSocks5, ProxyLooksTheResolversNameUp) {
  DotServer server(good_identity());
  Proxy proxy(server.endpoint(), {});
  backends::BackendSettings settings = behind(proxy);
  settings.address = base::Endpoint{{}, 853};
  settings.host = "resolver.example";
  WorkerRig rig({settings});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  const std::string_view host = "resolver.example";
  EXPECT_THAT(proxy.targets(), Contains(bytes_of(std::as_bytes(std::span(host)))));
}

TEST(WorkerSocks5, BackendsKeepTheirLoginsApart) {
  DotServer server(good_identity());
  Proxy proxy(server.endpoint(), {.wants_login = true});
  backends::BackendSettings one = behind(proxy, "one");
  backends::BackendSettings two = behind(proxy, "two");
  two.name = "other";
  WorkerRig rig({one, two});
  ASSERT_TRUE(eventually([&] { return proxy.logins().size() >= 2; }));
  const std::string_view first = "one";
  const std::string_view second = "two";
  EXPECT_THAT(proxy.logins(), Contains(bytes_of(std::as_bytes(std::span(first)))));
  EXPECT_THAT(proxy.logins(), Contains(bytes_of(std::as_bytes(std::span(second)))));
}

struct BadProxy {
  const char* name;
  Proxy::Settings settings;
  const char* said;
};

class WorkerBadProxy : public testing::TestWithParam<BadProxy> {};

/// The resolver could be reached directly, and is not.
TEST_P(WorkerBadProxy, IsAFailureToConnectAndNothingGoesDirectly) {
  DotServer server(good_identity());
  Proxy proxy(server.endpoint(), GetParam().settings);
  backends::BackendSettings settings = behind(proxy);
  settings.address = server.endpoint();
  WorkerRig rig({settings});
  const exchange::Fill fill = rig.resolve("www.example.", base::seconds(10));
  EXPECT_EQ(fill.entry, nullptr);
  EXPECT_EQ(fill.ede, dns::Ede::NoReachableAuthority);
  ASSERT_TRUE(eventually([&] { return rig.failures(backends::Failure::Connect) >= 1; }));
  EXPECT_EQ(rig.backend().failures.total(), rig.failures(backends::Failure::Connect));
  EXPECT_EQ(server.connections(), 0u);
  EXPECT_THAT(rig.notices(), Contains(HasSubstr(GetParam().said)));
  EXPECT_THAT(rig.notices(), Contains(HasSubstr("proxy " + proxy.endpoint().text())));
}

INSTANTIATE_TEST_SUITE_P(
    Proxies, WorkerBadProxy,
    testing::Values(BadProxy{"connection_refused", {.reply = 5}, "connection refused"},
                    BadProxy{"not_allowed", {.reply = 2}, "rules do not allow"},
                    BadProxy{"silent", {.says_at_most = 0}, "says nothing"},
                    BadProxy{"stalls_within_the_reply", {.says_at_most = 9}, "in time"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(WorkerSocks5, ProxyThatIsNotThereIsAFailureToConnect) {
  DotServer server(good_identity());
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.socks5 = {*base::Endpoint::parse("127.0.0.1:1", 1080), "user", "word"};
  WorkerRig rig({settings});
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::NoReachableAuthority);
  EXPECT_GE(rig.failures(backends::Failure::Connect), 1u);
  EXPECT_EQ(server.connections(), 0u);
  EXPECT_THAT(rig.notices(), Contains(HasSubstr("proxy 127.0.0.1:1: cannot connect")));
}

}  // namespace
}  // namespace tests
