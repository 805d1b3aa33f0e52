// The HTTP side over real sockets: what it answers, and what it does not let anybody do to it.
#include "control/http/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <prometheus/metric_family.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/base/socket_address.h"

namespace control {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// One gauge that tells how often it was asked.
class OneMetric : public prometheus::Collectable {
 public:
  /// How long its page is made, about.
  std::atomic<size_t> length{0};

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family;
    family.name = "scrapes";
    family.help = "How often this was asked." + std::string(length, '.');
    family.type = prometheus::MetricType::Gauge;
    family.metric.emplace_back();
    family.metric.back().gauge.value = ++asked_;
    return {family};
  }

 private:
  mutable std::atomic<int> asked_{0};
};

class Client {
 public:
  explicit Client(uint16_t port, const std::string& address = "127.0.0.1")
      : fd_(socket(address.find(':') != std::string::npos ? AF_INET6 : AF_INET,
                   SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    // So that the server notices when nobody reads.
    constexpr int kLittle = 4096;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &kLittle, sizeof kLittle);
    const base::SocketAddress to = base::socket_address({*base::IpAddress::parse(address), port});
    connected_ = connect(fd_, to.get(), to.size) == 0;
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False once the server has closed.
  bool send(const std::string& text) const {
    return connected_ &&
           ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// A few octets at most; false at the end.
  [[nodiscard]] bool sip() const {
    char buffer[64];
    return recv(fd_, buffer, sizeof buffer, 0) > 0;
  }
  /// Everything up to the server's close; "(still open)" at the end if it does not close.
  [[nodiscard]] std::string read_all() const {
    std::string text;
    char buffer[4096];
    pollfd readable{fd_, POLLIN, 0};
    while (::poll(&readable, 1, 60'000) == 1) {
      const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) return text;
      text.append(buffer, static_cast<size_t>(got));
    }
    return text + "(still open)";
  }

 private:
  int fd_;
  bool connected_ = false;
};

class HttpEndpointTest : public testing::Test {
 protected:
  void SetUp() override {
    auto endpoint = HttpEndpoint::open({*base::IpAddress::parse("127.0.0.1"), 0}, sources());
    ASSERT_TRUE(endpoint) << endpoint.error();
    endpoint_ = std::move(*endpoint);
    ASSERT_NE(endpoint_->port(), 0);
  }

  [[nodiscard]] HttpSources sources() {
    const auto health = [this] {
      HealthReport report;
      if (!healthy_) report.reasons = {"core 2 does not move", "no backend is up\nsecond line"};
      return report;
    };
    return {metrics_, health, [] { return std::string(R"({"healthy":true})"); }};
  }
  [[nodiscard]] std::string ask(const std::string& request) const {
    const Client client(endpoint_->port());
    client.send(request);
    return client.read_all();
  }
  [[nodiscard]] std::string ask_line(const std::string& line) const {
    return ask(line + "\r\nHost: localhost\r\n\r\n");
  }

  OneMetric metrics_;
  std::atomic<bool> healthy_{true};
  std::unique_ptr<HttpEndpoint> endpoint_;
};

TEST_F(HttpEndpointTest, ShowsTheMetrics) {
  EXPECT_THAT(ask_line("GET /metrics HTTP/1.1"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                    HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
                    HasSubstr("\r\nConnection: close\r\n"),
                    EndsWith("\r\n\r\n# HELP scrapes How often this was asked.\n"
                             "# TYPE scrapes gauge\nscrapes 1\n")));
}

TEST_F(HttpEndpointTest, ReadsTheCountersAnewForEveryScrape) {
  EXPECT_THAT(ask_line("GET /metrics HTTP/1.1"), EndsWith("scrapes 1\n"));
  EXPECT_THAT(ask_line("GET /metrics HTTP/1.0"), EndsWith("scrapes 2\n"));
}

TEST_F(HttpEndpointTest, AnswersHeadWithoutABody) {
  EXPECT_THAT(ask_line("HEAD /metrics HTTP/1.1"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\nContent-Length: 72\r\n"),
                    EndsWith("\r\n\r\n")));
}

TEST_F(HttpEndpointTest, TellsHealthAndIllness) {
  EXPECT_THAT(ask_line("GET /healthz HTTP/1.1"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nok\n")));
  healthy_ = false;
  EXPECT_THAT(ask_line("GET /healthz HTTP/1.1"),
              AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"),
                    EndsWith("\r\n\r\ncore 2 does not move\nno backend is up\\010second line\n")));
  healthy_ = true;
  EXPECT_THAT(ask_line("GET /healthz HTTP/1.1"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpEndpointTest, TellsTheStatusAsOneLineOfJson) {
  EXPECT_THAT(
      ask_line("GET /api/status HTTP/1.1"),
      AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\nContent-Type: application/json\r\n"),
            EndsWith("\r\n\r\n{\"healthy\":true}\n")));
}

TEST_F(HttpEndpointTest, ShowsTheStatusPage) {
  for (const auto& [path, type] :
       {std::pair("/", "text/html"), std::pair("/page.js", "text/javascript"),
        std::pair("/page.css", "text/css"), std::pair("/icon.svg", "image/svg+xml")}) {
    EXPECT_THAT(ask_line("GET " + std::string(path) + " HTTP/1.1"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                      HasSubstr("\r\nContent-Type: " + std::string(type)),
                      HasSubstr("\r\nContent-Security-Policy: default-src 'self'; ")))
        << path;
  }
}

TEST_F(HttpEndpointTest, LetsNobodyShareItsAnswersAcrossSites) {
  EXPECT_THAT(
      ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n"),
      AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), Not(HasSubstr("Access-Control")),
            HasSubstr("\r\nCross-Origin-Resource-Policy: same-origin\r\n")));
}

TEST_F(HttpEndpointTest, TellsBrowsersToBeCarefulWithEveryReply) {
  for (const char* request : {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
                              "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
                              "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
                              "POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
                              "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n",
                              "GET /<script>alert(1)</script> HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    EXPECT_THAT(ask(request),
                AllOf(HasSubstr("\r\nContent-Security-Policy: default-src 'self'; "),
                      HasSubstr("frame-ancestors 'none'\r\n"),
                      HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"),
                      HasSubstr("\r\nReferrer-Policy: no-referrer\r\n"),
                      HasSubstr("\r\nContent-Type: text/plain;"), Not(HasSubstr("<script>"))))
        << request;
  }
}

TEST_F(HttpEndpointTest, AnswersOldClientsThatNameNoHost) {
  EXPECT_THAT(ask("GET /metrics HTTP/1.0\r\n\r\n"), EndsWith("scrapes 1\n"));
}

struct Led {
  std::string name;
  std::string head;
  std::string status;
};

class LedHere : public HttpEndpointTest, public testing::WithParamInterface<Led> {};

TEST_P(LedHere, IsToldNothing) {
  EXPECT_THAT(ask(GetParam().head + "\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 " + GetParam().status), Not(HasSubstr("scrapes"))));
}

INSTANTIATE_TEST_SUITE_P(
    Names, LedHere,
    testing::Values(Led{"by_its_own_name", "GET /metrics HTTP/1.1\r\nHost: evil.example", "421 "},
                    Led{"with_our_port", "GET /metrics HTTP/1.1\r\nHost: evil.example:9153",
                        "421 "},
                    Led{"long_ago", "GET /metrics HTTP/1.0\r\nHost: evil.example", "421 "},
                    Led{"by_no_name", "GET /metrics HTTP/1.1", "400 "},
                    Led{"by_two_names",
                        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example", "400 "},
                    Led{"by_two_names_of_ours",
                        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nhost: localhost", "400 "}),
    [](const auto& led) { return led.param.name; });

struct Refused {
  std::string name;
  std::string line;
  std::string status;
};

class RefusedRequest : public HttpEndpointTest, public testing::WithParamInterface<Refused> {};

TEST_P(RefusedRequest, GetsAPlainError) {
  EXPECT_THAT(ask_line(GetParam().line), StartsWith("HTTP/1.1 " + GetParam().status));
  EXPECT_THAT(ask_line("GET /healthz HTTP/1.1"), StartsWith("HTTP/1.1 200 OK\r\n"))
      << "and lives on";
}

INSTANTIATE_TEST_SUITE_P(
    Requests, RefusedRequest,
    testing::Values(
        Refused{"other_path", "GET /status HTTP/1.1", "404 Not Found\r\n"},
        Refused{"page_by_its_file", "GET /index.html HTTP/1.1", "404 "},
        Refused{"posted_page", "POST / HTTP/1.1\r\nContent-Length: 0", "405 "},
        Refused{"posted_status", "POST /api/status HTTP/1.1\r\nContent-Length: 0", "405 "},
        Refused{"below_the_status", "GET /api/status/x HTTP/1.1", "404 "},
        Refused{"beside_the_status", "GET /api HTTP/1.1", "404 "},
        Refused{"deeper_path", "GET /metrics/x HTTP/1.1", "404 "},
        Refused{"other_case", "GET /Metrics HTTP/1.1", "404 "},
        Refused{"up_and_down", "GET /../../etc/passwd HTTP/1.1", "404 "},
        Refused{"encoded_up_and_down", "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1", "404 "},
        Refused{"markup", "GET /<script>alert(1)</script> HTTP/1.1", "404 "},
        Refused{"post", "POST /metrics HTTP/1.1\r\nContent-Length: 0",
                "405 Method Not Allowed\r\n"},
        Refused{"put", "PUT /metrics HTTP/1.1\r\nContent-Length: 0", "405 "},
        Refused{"delete", "DELETE /healthz HTTP/1.1", "405 "},
        Refused{"options", "OPTIONS /metrics HTTP/1.1", "405 "},
        Refused{"patch", "PATCH /metrics HTTP/1.1\r\nContent-Length: 0", "405 "},
        Refused{"propfind", "PROPFIND /metrics HTTP/1.1", "405 "},
        Refused{"waiting_for_leave",
                "PUT /metrics HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue", "405 "},
        Refused{"trace", "TRACE /metrics HTTP/1.1", "4"},
        Refused{"connect", "CONNECT localhost:53 HTTP/1.1", "4"},
        Refused{"made_up", "BREW /metrics HTTP/1.1", "4"}),
    [](const auto& refused) { return refused.param.name; });

TEST_F(HttpEndpointTest, RefusesALargeRequest) {
  EXPECT_THAT(
      ask("GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"),
      Not(HasSubstr("scrapes")));
  EXPECT_THAT(ask_line("GET /metrics HTTP/1.1"), EndsWith("scrapes 1\n"));
}

TEST_F(HttpEndpointTest, TakesSixtyFourHeadersAndNoMore) {
  std::string headers;
  for (int i = 0; i < 63; ++i) headers += "X: y\r\n";
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + headers;
  EXPECT_THAT(ask(request + "\r\n"), EndsWith("scrapes 1\n"));
  EXPECT_THAT(ask(request + "X: y\r\n\r\n"),
              StartsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
}

TEST_F(HttpEndpointTest, TakesEightKibibytesAndNoMore) {
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ";
  const auto of_size = [&request](size_t size) {
    return request + std::string(size - request.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_THAT(ask(of_size(8192)), EndsWith("scrapes 1\n"));
  EXPECT_THAT(ask(of_size(8193)), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpEndpointTest, RefusesASpaceBeforeTheColon) {
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost : localhost\r\n\r\n"),
              StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX\t: y\r\n\r\n"),
              StartsWith("HTTP/1.1 400 Bad Request\r\n"));
}

TEST_F(HttpEndpointTest, AnswersWhatIsAskedAsOfAProxy) {
  const std::string own = "127.0.0.1:" + std::to_string(endpoint_->port());
  for (const std::string& host : {std::string("localhost"), own}) {
    EXPECT_THAT(ask_line("GET http://" + host + "/healthz HTTP/1.1"),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nok\n")));
  }
  EXPECT_THAT(ask_line("GET http://evil.example/metrics HTTP/1.1"), StartsWith("HTTP/1.1 421 "));
}

TEST_F(HttpEndpointTest, TellsWhatMayBeDone) {
  EXPECT_THAT(ask_line("OPTIONS * HTTP/1.1"),
              AllOf(StartsWith("HTTP/1.1 204 No Content\r\n"),
                    HasSubstr("\r\nAllow: GET, HEAD\r\n"), EndsWith("\r\n\r\n")));
  EXPECT_THAT(ask_line("OPTIONS /metrics HTTP/1.1"), HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(ask_line("GET * HTTP/1.1"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpEndpointTest, BecomesNoWebSocket) {
  EXPECT_THAT(ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: "
                  "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                  "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("scrapes 1\n")));
}

TEST_F(HttpEndpointTest, RefusesWhatIsNotHttp) {
  EXPECT_THAT(
      ask(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(600, '\0')),
      Not(HasSubstr("200 OK")));
  EXPECT_THAT(ask_line("GET /metrics HTTP/1.1"), EndsWith("scrapes 1\n"));
}

TEST_F(HttpEndpointTest, AnswersOneRequestOfAPipeline) {
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string answer = ask(request + request + request);
  EXPECT_THAT(answer, Not(HasSubstr("scrapes 2")));
}

TEST_F(HttpEndpointTest, ReadsNoEndlessBody) {
  const Client client(endpoint_->port());
  client.send("POST /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "2000\r\n" + std::string(0x2000, 'x') + "\r\n";
  constexpr size_t kFarMoreThanBuffersHold = 20'000;  // 160 MB.
  size_t sent = 0;
  while (sent < kFarMoreThanBuffersHold && client.send(chunk)) ++sent;
  EXPECT_LT(sent, kFarMoreThanBuffersHold);
  EXPECT_THAT(ask_line("GET /metrics HTTP/1.1"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpEndpointTest, ClosesOnThoseWhoNeverFinish) {
  const Client silent(endpoint_->port());
  const Client slow(endpoint_->port());
  slow.send("GET /metrics HTTP/1.1\r\n");
  bool is_open = true;
  const std::jthread dripping([&] {
    // One header line after the other, for as long as somebody listens: a minute at the most.
    for (int i = 0; i < 600 && is_open; ++i) {
      is_open = slow.send("X: y\r\n");
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  EXPECT_THAT(slow.read_all(), AllOf(Not(HasSubstr("scrapes")), Not(HasSubstr("(still open)"))));
  EXPECT_THAT(silent.read_all(), Not(HasSubstr("(still open)")));
}

class Beside : public HttpEndpointTest, public testing::WithParamInterface<size_t> {};

TEST_P(Beside, SilentConnectionsOthersAreAnsweredAtOnce) {
  std::vector<std::unique_ptr<Client>> silent;
  while (silent.size() < GetParam()) silent.push_back(std::make_unique<Client>(endpoint_->port()));
  const base::Time before = base::Clock::now();
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(ask_line("GET /metrics HTTP/1.1"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_LT(base::Clock::now() - before, std::chrono::seconds(3)) << "they are there for five";
}

INSTANTIATE_TEST_SUITE_P(Silent, Beside, testing::Values(31, 32, 33, 40, 200),
                         testing::PrintToStringParamName());

size_t entries_of(const char* directory) {
  const std::filesystem::directory_iterator entries(directory);
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

TEST_F(HttpEndpointTest, TakesNoMoreThreadsAndFilesThanItHas) {
  constexpr size_t kFlood = 200;
  // Those taken, those that give way, and as many that are closed and opened during the count.
  constexpr size_t kTaken = 32 + 16 + 16;
  EXPECT_THAT(ask_line("GET /metrics HTTP/1.1"), StartsWith("HTTP/1.1 200 OK\r\n"));
  const size_t threads = entries_of("/proc/self/task");
  const size_t files = entries_of("/proc/self/fd");
  std::vector<std::jthread> clients;
  std::atomic<bool> is_over{false};
  for (size_t i = 0; i < kFlood; ++i) {
    clients.emplace_back([&] {
      const Client client(endpoint_->port());
      while (!is_over) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    });
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_LE(entries_of("/proc/self/task"), threads + kFlood);
    EXPECT_LE(entries_of("/proc/self/fd"), files + kFlood + kTaken);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  is_over = true;
}

TEST_F(HttpEndpointTest, WaitsForNoClientThatReadsSlowlyOrNever) {
  metrics_.length = 8 << 20;  // More than the kernel takes off its hands.
  std::atomic<bool> is_over{false};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back([&, reads = i % 2 == 0] {
      const Client client(endpoint_->port());
      client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
      while (!is_over) {
        if (reads) (void)client.sip();
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
  }
  EXPECT_THAT(ask_line("GET /healthz HTTP/1.1"), EndsWith("\r\n\r\nok\n"));
  is_over = true;
}

TEST_F(HttpEndpointTest, AnswersManyAtOnce) {
  std::atomic<int> answered = 0;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back([&] {
      if (ask_line("GET /metrics HTTP/1.1").starts_with("HTTP/1.1 200 OK")) ++answered;
    });
  }
  clients.clear();
  EXPECT_EQ(answered, 12);
}

TEST_F(HttpEndpointTest, AnswersManyWithAPageThatIsNewForAll) {
  std::vector<std::unique_ptr<Client>> clients;
  while (clients.size() < 100) {
    clients.push_back(std::make_unique<Client>(endpoint_->port()));
    clients.back()->send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  const base::Time before = base::Clock::now();
  for (const auto& client : clients)
    EXPECT_THAT(client->read_all(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_LT(base::Clock::now() - before, std::chrono::milliseconds(900)) << "10 ms for each, or so";
}

TEST_F(HttpEndpointTest, EndsWhileManyWait) {
  std::vector<std::unique_ptr<Client>> clients;
  while (clients.size() < 30) {
    clients.push_back(std::make_unique<Client>(endpoint_->port()));
    clients.back()->send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  endpoint_.reset();
  for (const auto& client : clients)
    EXPECT_THAT(client->read_all(), Not(HasSubstr("(still open)")));
}

TEST_F(HttpEndpointTest, RestsWhileNoClientAsks) {
  const Client silent(endpoint_->port());
  EXPECT_THAT(ask_line("GET /metrics HTTP/1.1"), StartsWith("HTTP/1.1 200 OK\r\n"));
  const clock_t before = clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(clock() - before, CLOCKS_PER_SEC / 10);
}

/// What is told at `to` by an endpoint at `address`.
std::string told_over(const std::string& address, const std::string& to, HttpSources sources) {
  const auto endpoint = HttpEndpoint::open({*base::IpAddress::parse(address), 0}, sources);
  if (!endpoint) return endpoint.error();
  const Client client((*endpoint)->port(), to);
  client.send("GET /healthz HTTP/1.1\r\nHost: [::1]:" + std::to_string((*endpoint)->port()) +
              "\r\n\r\n");
  return client.read_all();
}

TEST_F(HttpEndpointTest, SpeaksIpv6) {
  EXPECT_THAT(told_over("::1", "::1", sources()), EndsWith("\r\n\r\nok\n"));
  EXPECT_EQ(told_over("::1", "127.0.0.1", sources()), "") << "it is not there";
  EXPECT_THAT(told_over("::", "::1", sources()), EndsWith("\r\n\r\nok\n"));
  EXPECT_THAT(told_over("::", "127.0.0.1", sources()), EndsWith("\r\n\r\nok\n"));
}

TEST_F(HttpEndpointTest, SaysWhichAddressIsTaken) {
  const base::Endpoint taken{*base::IpAddress::parse("127.0.0.1"), endpoint_->port()};
  const auto second = HttpEndpoint::open(taken, sources());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), AllOf(HasSubstr("metrics.address " + taken.text()),
                                    HasSubstr("Address already in use")));
}

}  // namespace
}  // namespace control
