// Asks one server, over one DNS-over-TLS session or over UDP, and tells how long answers took: what
// a session by itself takes, and what it takes through a forwarder, by the same clock and the same
// waiting. No name is asked twice, so that no cache helps.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/socket_address.h"
#include "dataplane/dns/question.h"
#include "dataplane/dns/upstream_query.h"
#include "perf/load/latency.h"
#include "perf/load/questions.h"

namespace asker {
namespace {

using std::chrono::nanoseconds;
using Time = std::chrono::steady_clock::time_point;

constexpr std::chrono::seconds kPatience{2};
constexpr nanoseconds kTooLong = std::chrono::milliseconds(38);  // A delayed ACK is 40 ms.

struct Options {
  std::string to;
  bool tls = false;
  uint64_t rate = 0;       // Queries a second; or:
  uint32_t in_flight = 0;  // As many as that at any time.
  double seconds = 2;
  std::string pattern = "m#.fixed.example";
  uint32_t names = 100'000;
};

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

int connected(const base::Endpoint& peer, int type) {
  const int family = peer.address.is_v4() ? AF_INET : AF_INET6;
  const int fd = socket(family, type | SOCK_CLOEXEC, 0);
  const base::SocketAddress address = base::socket_address(peer);
  require(connect(fd, address.get(), address.size) == 0, "cannot connect");
  return fd;
}

/// Where queries go to, and messages come from.
class Server {
 public:
  virtual ~Server() = default;
  [[nodiscard]] virtual int fd() const = 0;
  virtual void ask(base::ByteView query) = 0;
  virtual void flush() = 0;
  /// The ids of the answers that are there by now.
  virtual std::vector<uint16_t> answered() = 0;
};

class UdpServer : public Server {
 public:
  explicit UdpServer(const base::Endpoint& peer)
      : fd_(connected(peer, SOCK_DGRAM | SOCK_NONBLOCK)) {}
  ~UdpServer() override { close(fd_); }
  [[nodiscard]] int fd() const override { return fd_; }
  void ask(base::ByteView query) override { (void)!send(fd_, query.data(), query.size(), 0); }
  void flush() override {}
  std::vector<uint16_t> answered() override {
    std::vector<uint16_t> ids;
    std::array<std::byte, 4096> message;
    while (recv(fd_, message.data(), message.size(), 0) >= 12) {
      const bool good = (std::to_integer<unsigned>(message[3]) & 0xF) == 0;
      if (good) ids.push_back(base::load_be16(message.data()));
    }
    return ids;
  }

 private:
  int fd_;
};

/// Its certificate is not looked at: this is a stopwatch, and nothing it asks is anybody's.
class TlsServer : public Server {
 public:
  explicit TlsServer(const base::Endpoint& peer)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        ssl_(SSL_new(context_.get()), SSL_free),
        fd_(connected(peer, SOCK_STREAM)) {
    const int on = 1;
    (void)setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL_set_fd(ssl_.get(), fd_);
    if (SSL_connect(ssl_.get()) != 1) throw std::runtime_error("the TLS handshake failed");
  }
  ~TlsServer() override { close(fd_); }
  [[nodiscard]] int fd() const override { return fd_; }

  void ask(base::ByteView query) override {
    std::array<std::byte, 2> size;
    base::store_be16(size.data(), static_cast<uint16_t>(query.size()));
    outgoing_.insert(outgoing_.end(), size.begin(), size.end());
    outgoing_.insert(outgoing_.end(), query.begin(), query.end());
  }
  void flush() override {
    if (outgoing_.empty()) return;
    if (SSL_write(ssl_.get(), outgoing_.data(), static_cast<int>(outgoing_.size())) <= 0)
      throw std::runtime_error("the session ended");
    outgoing_.clear();
  }
  /// The socket blocks: called when it is readable, once; what OpenSSL holds by then comes, too.
  std::vector<uint16_t> answered() override {
    do {
      const size_t end = incoming_.size();
      incoming_.resize(end + kRecord);
      const int size = SSL_read(ssl_.get(), &incoming_[end], kRecord);
      if (size <= 0) throw std::runtime_error("the session ended");
      incoming_.resize(end + static_cast<size_t>(size));
    } while (SSL_pending(ssl_.get()) > 0);
    return take_ids();
  }

 private:
  static constexpr int kRecord = 16384;

  std::vector<uint16_t> take_ids() {
    std::vector<uint16_t> ids;
    size_t begin = 0;
    while (incoming_.size() - begin >= 4) {
      const size_t size = 2 + size_t{base::load_be16(&incoming_[begin])};
      if (incoming_.size() - begin < size) break;
      ids.push_back(base::load_be16(&incoming_[begin + 2]));
      begin += size;
    }
    incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<ptrdiff_t>(begin));
    return ids;
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  int fd_;
  std::vector<std::byte> outgoing_;
  std::vector<std::byte> incoming_;
};

class Asker {
 public:
  Asker(const Options& options, Server& server, const load::Questions& questions)
      : options_(options), server_(server), questions_(questions), sent_at_(size_t{1} << 16) {}

  void run() {
    const Time begin = std::chrono::steady_clock::now();
    const Time end = begin + std::chrono::duration_cast<nanoseconds>(
                                 std::chrono::duration<double>(options_.seconds));
    Time last = begin;
    for (Time now = begin; now < end || (outstanding_ > 0 && now < last + kPatience);
         now = std::chrono::steady_clock::now()) {
      if (now < end) {
        ask_due(now - begin, now);
        last = now;
      }
      wait(begin, now, end);
    }
  }

  void print() const {
    fmt::print(
        "{{\"sent\": {}, \"answered\": {}, \"p50\": {}, \"p99\": {}, \"max\": {}, \"too_long\": "
        "{}}}\n",
        sent_, answered_, latency_.at(0.5), latency_.at(0.99), latency_.largest(), too_long_);
  }

 private:
  void ask_due(nanoseconds passed, Time now) {
    const auto due = static_cast<uint64_t>(static_cast<double>(passed.count()) * 1e-9 *
                                           static_cast<double>(options_.rate));
    while (options_.rate > 0 ? sent_ <= due : outstanding_ < options_.in_flight) {
      // A forwarder that holds so many is not measured but broken.
      if (outstanding_ >= sent_at_.size() / 2 || sent_ == questions_.size()) break;
      ask(now);
    }
    server_.flush();
  }

  void ask(Time now) {
    const auto id = static_cast<uint16_t>(sent_);
    const base::ByteView asked = questions_[static_cast<uint32_t>(sent_)];
    const dns::Question question =
        dns::make_question(asked.first(asked.size() - 4), dns::Type::A, dns::Class::In,
                           dns::Wants::Plain, dns::PoolId{0});
    std::array<std::byte, dns::kMaxUpstreamQuery> query;
    const size_t size = dns::build_upstream_query(query, question, id, dns::Keepalive::Leave);
    server_.ask(base::ByteView(query).first(size));
    sent_at_[id] = now;
    ++sent_;
    ++outstanding_;
  }

  void wait(Time begin, Time now, Time end) {
    Time until = now + std::chrono::milliseconds(10);
    if (options_.rate > 0 && now < end) {
      const double next = static_cast<double>(sent_) / static_cast<double>(options_.rate);
      until = std::min(until, begin + std::chrono::duration_cast<nanoseconds>(
                                          std::chrono::duration<double>(next)));
    }
    const int64_t left =
        std::max<int64_t>(0, nanoseconds(until - std::chrono::steady_clock::now()).count());
    const timespec sleep{.tv_sec = 0, .tv_nsec = left};
    pollfd readable{.fd = server_.fd(), .events = POLLIN, .revents = 0};
    if (ppoll(&readable, 1, &sleep, nullptr) <= 0) return;
    const std::vector<uint16_t> ids = server_.answered();
    const Time seen = std::chrono::steady_clock::now();
    for (const uint16_t id : ids) note(id, seen);
  }

  void note(uint16_t id, Time seen) {
    if (sent_at_[id] == Time{}) return;
    const nanoseconds took = seen - sent_at_[id];
    sent_at_[id] = Time{};
    latency_.record(static_cast<uint64_t>(took.count()));
    if (took >= kTooLong) ++too_long_;
    ++answered_;
    --outstanding_;
  }

  const Options& options_;
  Server& server_;
  const load::Questions& questions_;
  std::vector<Time> sent_at_;  // By id.
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
  uint64_t too_long_ = 0;
  uint32_t outstanding_ = 0;
  load::Latency latency_;  // In nanoseconds.
};

int read_options(int argc, char** argv, Options& options) {
  CLI::App app(
      "Asks a server for names that it has never heard of and tells how long it took, in "
      "nanoseconds.",
      "asker");
  app.add_option("--to", options.to, "Address and port")->required();
  app.add_flag("--tls", options.tls, "Over a DNS-over-TLS session, not over UDP");
  app.add_option("--rate", options.rate, "Queries a second")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000}));
  app.add_option("--in-flight", options.in_flight, "Instead: so many at any time")
      ->check(CLI::Range(1U, 10'000U));
  app.add_option("--seconds", options.seconds, "How long")->capture_default_str();
  app.add_option("--pattern", options.pattern, "The names, # being their number")
      ->capture_default_str();
  app.add_option("--names", options.names, "How many there are; it ends when all were asked for")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? -1 : 2;
  }
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  if (const int code = read_options(argc, argv, options); code != 0) return std::max(code, 0);
  const auto peer = base::Endpoint::parse(options.to, 53);
  if (!peer) throw std::runtime_error("'" + options.to + "' is no address");
  const auto questions = load::Questions::make(options.pattern, options.names);
  if (!questions) throw std::runtime_error(questions.error());
  (void)prctl(PR_SET_TIMERSLACK, 1UL);  // Else every sleep is 50 µs longer.
  std::unique_ptr<Server> server;
  if (options.tls) {
    server = std::make_unique<TlsServer>(*peer);
  } else {
    server = std::make_unique<UdpServer>(*peer);
  }
  auto asker = std::make_unique<Asker>(options, *server, *questions);
  asker->run();
  asker->print();
  return 0;
}

}  // namespace
}  // namespace asker

int main(int argc, char** argv) {
  try {
    return asker::run(argc, argv);
  } catch (const std::exception& fault) {
    fmt::print(stderr, "asker: {}\n", fault.what());
    return 1;
  }
}
