// A DNS-over-TLS server that does what a test tells it to, right or wrong. One thread accepts, one
// more serves each connection.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/base/address.h"
#include "tests/message_builder.h"
#include "tests/tls-workers/certificates.h"

namespace tests {

/// One accepted connection, after the handshake. Blocking; calls fail quietly once the client or
/// the server has gone.
class Connection {
 public:
  Connection(int fd, SSL* ssl, unsigned number) : fd_(fd), ssl_(ssl), number_(number) {}

  /// The next query without its prefix; nothing when the client has closed.
  [[nodiscard]] std::optional<Bytes> read_query();
  /// Whatever has come, without looking at it; nothing when the client has closed.
  [[nodiscard]] std::optional<Bytes> read_some();
  /// `octets` as they are, in one TLS record.
  void write(const Bytes& octets);
  void send(const Bytes& message) { write(framed(message)); }
  /// Closes with and without close_notify, and with a TCP reset.
  void close();
  void cut();
  void reset();

  /// 0 for the server's first connection.
  [[nodiscard]] unsigned number() const { return number_; }
  /// For what only OpenSSL, or nobody, can say.
  [[nodiscard]] SSL* ssl() const { return ssl_; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] static Bytes framed(const Bytes& message);

 private:
  [[nodiscard]] bool read_exactly(base::ByteSpan into);

  int fd_;
  SSL* ssl_;
  unsigned number_;
};

/// What the server does with a connection.
using Script = std::function<void(Connection&)>;

struct DotServerSettings {
  Script script;                    // Default: `answer_all`.
  std::function<void(int fd)> raw;  // If set: instead of TLS. Returns when done; the server closes.
  int max_protocol = 0;             // TLS1_2_VERSION and so on; 0: the newest.
  std::string alpn;                 // Selected whatever is offered; empty: none.
  std::vector<X509*> chain;         // Shown after the server's own certificate, in this order.
  std::function<void(SSL_CTX*)> prepare;  // Whatever else is to be set up.
};

class DotServer {
 public:
  DotServer(const Identity& identity, DotServerSettings settings = {});
  ~DotServer();
  DotServer(const DotServer&) = delete;
  DotServer& operator=(const DotServer&) = delete;

  [[nodiscard]] base::Endpoint endpoint() const;
  /// Whole queries read, in order of arrival; with the number of their connection.
  struct Seen {
    unsigned connection = 0;
    Bytes query;
  };
  [[nodiscard]] std::vector<Seen> seen() const;
  [[nodiscard]] unsigned connections() const { return connections_; }
  [[nodiscard]] unsigned handshakes() const { return handshakes_; }
  [[nodiscard]] unsigned handshakes_failed() const { return handshakes_failed_; }
  [[nodiscard]] unsigned handshakes_resumed() const { return handshakes_resumed_; }
  /// Octets that came inside TLS.
  [[nodiscard]] uint64_t octets() const { return octets_; }

 private:
  friend class Connection;
  struct Peer {
    int fd = -1;
    std::thread thread;
  };

  void accept_all();
  void serve(int fd, unsigned number);
  void note(unsigned connection, const Bytes& query);

  DotServerSettings settings_;
  SSL_CTX* context_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> connections_{0};
  std::atomic<unsigned> handshakes_{0};
  std::atomic<unsigned> handshakes_failed_{0};
  std::atomic<unsigned> handshakes_resumed_{0};
  std::atomic<uint64_t> octets_{0};
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
  std::list<Peer> peers_;
  std::thread acceptor_;
};

/// The usual answer to `query`: one A record with `ttl`.
[[nodiscard]] Bytes answer_to(const Bytes& query, uint32_t ttl = 300,
                              std::array<int, 4> address = {192, 0, 2, 1});
/// An answer without records.
[[nodiscard]] Bytes rcode_to(const Bytes& query, dns::Rcode rcode);
[[nodiscard]] uint16_t id_of(const Bytes& message);
/// The name in the question, in wire form.
[[nodiscard]] Bytes name_in(const Bytes& query);
/// Whether the query's OPT has this option.
[[nodiscard]] bool has_option(const Bytes& query, uint16_t code);

/// Answers every query at once, until the client closes.
void answer_all(Connection& connection);
/// Reads every query and answers none.
void answer_none(Connection& connection);
/// Answers everything, but only while `open` says so; then whatever was held back at once. `open`
/// outlives the server.
[[nodiscard]] Script answer_while(const std::atomic<bool>& open);

}  // namespace tests
