// A DNS-over-TLS resolver that costs as little as it can: one thread, one epoll, no zone and no
// cache. In benchmarks it stands behind every contender, so that they are what is measured; told to
// misbehave, it is what they have to put up with.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "dataplane/base/address.h"
#include "dataplane/base/socket_address.h"
#include "perf/responder/connection.h"

namespace responder {
namespace {

constexpr int kBacklog = 1024;
constexpr int kReadAhead =
    128 * 1024;                // A record has at most 16 kB; one read of the socket takes several.
constexpr int kTurnMs = 1000;  // The longest sleep, so that a signal is never missed.

std::atomic<bool> stop{false};

struct Options {
  std::string listen = "127.0.0.1:853";
  std::string certificate;
  std::string key;
  Behaviour behaviour;
};

void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what + ": " + std::strerror(errno));
}

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Context make_context(const Options& options) {
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadAhead);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate.c_str()) != 1)
    throw std::runtime_error(options.certificate + ": no certificate");
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw std::runtime_error(options.key + ": no key of the certificate's");
  return context;
}

int listen_at(const std::string& where) {
  const auto endpoint = base::Endpoint::parse(where, 853);
  if (!endpoint) throw std::runtime_error("'" + where + "' is no address");
  const int family = endpoint->address.is_v4() ? AF_INET : AF_INET6;
  const int listener = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  const int on = 1;
  (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const base::SocketAddress address = base::socket_address(*endpoint);
  require(bind(listener, address.get(), address.size) == 0, where);
  require(listen(listener, kBacklog) == 0, where);
  return listener;
}

class Server {
 public:
  explicit Server(const Options& options)
      : behaviour_(options.behaviour),
        context_(make_context(options)),
        listener_(listen_at(options.listen)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
  }

  void run() {
    while (!stop) {
      std::array<epoll_event, 64> events;
      const int count = epoll_wait(epoll_, events.data(), events.size(), sleep_ms());
      const Time now = std::chrono::steady_clock::now();
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<size_t>(i)].data.fd;
        fd == listener_ ? accept_all() : advance(fd, now);
      }
      if (behaviour_.delay.count() > 0) advance_due(now);
    }
  }

  [[nodiscard]] const Statistics& statistics() const { return statistics_; }

 private:
  void watch(int operation, int fd, uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    (void)epoll_ctl(epoll_, operation, fd, &event);
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_.try_emplace(fd, fd, context_.get(), behaviour_, statistics_);
      watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
  }

  void advance(int fd, Time now) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    Connection& connection = found->second;
    const bool wrote = connection.wants_to_write();
    if (!connection.advance(now)) {
      connections_.erase(found);
    } else if (wrote != connection.wants_to_write()) {
      watch(EPOLL_CTL_MOD, fd, EPOLLIN | (wrote ? 0u : uint32_t{EPOLLOUT}));
    }
  }

  void advance_due(Time now) {
    std::vector<int> due;
    for (const auto& [fd, connection] : connections_) {
      if (connection.due() <= now && connection.due()) due.push_back(fd);
    }
    for (const int fd : due) advance(fd, now);
  }

  [[nodiscard]] int sleep_ms() const {
    if (behaviour_.delay.count() == 0) return kTurnMs;
    Time first = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTurnMs);
    for (const auto& [fd, connection] : connections_)
      first = std::min(first, connection.due().value_or(first));
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(first - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<int64_t>(0, left.count()));
  }

  const Behaviour behaviour_;
  Context context_;
  const int listener_;
  const int epoll_;
  Statistics statistics_;
  std::unordered_map<int, Connection> connections_;
};

int read_options(int argc, char** argv, Options& options) {
  CLI::App app(
      "Answers DNS over TLS: every query for A with one address. Ends on SIGTERM and prints what "
      "it did.",
      "responder");
  unsigned delay_ms = 0;
  app.add_option("--listen", options.listen, "Address and port")->capture_default_str();
  app.add_option("--certificate", options.certificate, "PEM file, with its chain")->required();
  app.add_option("--key", options.key, "PEM file")->required();
  app.add_option("--delay", delay_ms, "Milliseconds before an answer")->capture_default_str();
  app.add_option("--close-every", options.behaviour.close_every,
                 "Close sessions at random, one for so many answers on average");
  app.add_flag("--shuffle", options.behaviour.shuffle, "Answer in any order");
  app.add_flag("--silent", options.behaviour.silent, "Read and never answer");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? -1 : 2;
  }
  options.behaviour.delay = std::chrono::milliseconds(delay_ms);
  return 0;
}

int run(int argc, char** argv) {
  Options options;
  if (const int code = read_options(argc, argv, options); code != 0) return std::max(code, 0);
  std::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { stop = true; });
  Server server(options);
  fmt::print("ready\n");
  std::fflush(stdout);
  server.run();
  const Statistics& done = server.statistics();
  fmt::print(
      "{{\"queries\": {}, \"answers\": {}, \"reads\": {}, \"writes\": {}, \"handshakes\": {}, "
      "\"resumed\": {}, "
      "\"closed\": {}, \"malformed\": {}}}\n",
      done.queries, done.answers, done.reads, done.writes, done.handshakes, done.resumed,
      done.closed, done.malformed);
  return 0;
}

}  // namespace
}  // namespace responder

int main(int argc, char** argv) {
  try {
    return responder::run(argc, argv);
  } catch (const std::exception& fault) {
    fmt::print(stderr, "responder: {}\n", fault.what());
    return 1;
  }
}
