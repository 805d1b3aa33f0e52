#include "tests/tls-workers/dot_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "dataplane/dns/query.h"

namespace tests {
namespace {

void require(bool good) {
  if (!good) std::abort();
}

/// The connection's server, for counting what comes in.
DotServer* server_of(SSL* ssl) { return static_cast<DotServer*>(SSL_get_app_data(ssl)); }

int select_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*,
                unsigned, void* wanted) {
  const auto& protocol = *static_cast<const std::string*>(wanted);
  *out = reinterpret_cast<const unsigned char*>(protocol.data());
  *size = static_cast<unsigned char>(protocol.size());
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

// ---------------------------------------------------------------- Connection

bool Connection::read_exactly(base::ByteSpan into) {
  while (!into.empty()) {
    ERR_clear_error();
    const int size = SSL_read(ssl_, into.data(), static_cast<int>(into.size()));
    if (size <= 0) return false;
    server_of(ssl_)->octets_ += static_cast<uint64_t>(size);
    into = into.subspan(static_cast<size_t>(size));
  }
  return true;
}

std::optional<Bytes> Connection::read_query() {
  Bytes prefix(2);
  if (!read_exactly(prefix)) return std::nullopt;
  Bytes query(base::load_be16(prefix.data()));
  if (!read_exactly(query)) return std::nullopt;
  server_of(ssl_)->note(number_, query);
  return query;
}

std::optional<Bytes> Connection::read_some() {
  Bytes some(16384);
  ERR_clear_error();
  const int size = SSL_read(ssl_, some.data(), static_cast<int>(some.size()));
  if (size <= 0) return std::nullopt;
  server_of(ssl_)->octets_ += static_cast<uint64_t>(size);
  some.resize(static_cast<size_t>(size));
  return some;
}

void Connection::write(const Bytes& octets) {
  ERR_clear_error();
  (void)SSL_write(ssl_, octets.data(), static_cast<int>(octets.size()));
}

void Connection::close() {
  ERR_clear_error();
  (void)SSL_shutdown(ssl_);
  cut();
}

void Connection::cut() { (void)shutdown(fd_, SHUT_RDWR); }

void Connection::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

Bytes Connection::framed(const Bytes& message) {
  Bytes frame(2 + message.size());
  base::store_be16(frame.data(), static_cast<uint16_t>(message.size()));
  std::copy(message.begin(), message.end(), frame.begin() + 2);
  return frame;
}

// ---------------------------------------------------------------- DotServer

DotServer::DotServer(const Identity& identity, DotServerSettings settings)
    : settings_(std::move(settings)), context_(SSL_CTX_new(TLS_server_method())) {
  if (!settings_.script) settings_.script = answer_all;
  std::signal(SIGPIPE, SIG_IGN);  // For this server's sake: its sockets belong to OpenSSL.
  require(context_ != nullptr);
  SSL_CTX_set_security_level(context_, 0);  // What is too weak is for the client to say.
  if (settings_.max_protocol != 0) {
    require(SSL_CTX_set_min_proto_version(context_, 0) == 1);
    require(SSL_CTX_set_max_proto_version(context_, settings_.max_protocol) == 1);
  }
  require(SSL_CTX_use_certificate(context_, identity.certificate.get()) == 1);
  require(SSL_CTX_use_PrivateKey(context_, identity.key.get()) == 1);
  for (X509* certificate : settings_.chain)
    require(SSL_CTX_add1_chain_cert(context_, certificate) == 1);
  if (settings_.prepare) settings_.prepare(context_);
  if (!settings_.alpn.empty()) SSL_CTX_set_alpn_select_cb(context_, select_alpn, &settings_.alpn);

  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  require(listen(listener_, 64) == 0);
  socklen_t size = sizeof address;
  require(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

DotServer::~DotServer() {
  stopping_ = true;
  (void)shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const Peer& peer : peers_) {
      if (peer.fd >= 0) (void)shutdown(peer.fd, SHUT_RDWR);
    }
  }
  for (Peer& peer : peers_) peer.thread.join();
  ::close(listener_);
  SSL_CTX_free(context_);
}

base::Endpoint DotServer::endpoint() const {
  return *base::Endpoint::parse("127.0.0.1:" + std::to_string(port_), port_);
}

std::vector<DotServer::Seen> DotServer::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void DotServer::accept_all() {
  while (!stopping_) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const unsigned number = connections_++;
    const std::lock_guard lock(mutex_);
    Peer& peer = peers_.emplace_back();
    peer.fd = fd;
    peer.thread = std::thread([this, fd, number, &peer] {
      serve(fd, number);
      const std::lock_guard closing(mutex_);
      ::close(fd);
      peer.fd = -1;
    });
  }
}

void DotServer::serve(int fd, unsigned number) {
  if (settings_.raw) return settings_.raw(fd);
  const int at_once = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  SSL* ssl = SSL_new(context_);
  SSL_set_app_data(ssl, this);
  SSL_set_fd(ssl, fd);
  ERR_clear_error();
  if (SSL_accept(ssl) == 1) {
    ++handshakes_;
    if (SSL_session_reused(ssl) == 1) ++handshakes_resumed_;
    Connection connection(fd, ssl, number);
    settings_.script(connection);
  } else {
    ++handshakes_failed_;
  }
  SSL_free(ssl);
}

void DotServer::note(unsigned connection, const Bytes& query) {
  const std::lock_guard lock(mutex_);
  seen_.push_back({connection, query});
}

// ---------------------------------------------------------------- messages

Bytes answer_to(const Bytes& query, uint32_t ttl, std::array<int, 4> address) {
  const auto parsed = dns::parse_query(query);
  require(parsed.has_value());
  return MessageBuilder()
      .id(parsed->head.id)
      .flags(dns::flag::kQr | dns::flag::kRd | dns::flag::kRa)
      .question(name_in(query), parsed->type)
      .answer(a_record(pointer_to_question(), ttl, address))
      .build();
}

Bytes rcode_to(const Bytes& query, dns::Rcode rcode) {
  const auto parsed = dns::parse_query(query);
  require(parsed.has_value());
  const auto flags = static_cast<uint16_t>(dns::flag::kQr | dns::flag::kRd | dns::flag::kRa |
                                           static_cast<unsigned>(rcode));
  return MessageBuilder()
      .id(parsed->head.id)
      .flags(flags)
      .question(name_in(query), parsed->type)
      .build();
}

uint16_t id_of(const Bytes& message) { return base::load_be16(message.data()); }

Bytes name_in(const Bytes& query) {
  const auto parsed = dns::parse_query(query);
  require(parsed.has_value());
  return bytes_of(parsed->name());
}

bool has_option(const Bytes& query, uint16_t code) {
  const auto parsed = dns::parse_query(query);
  require(parsed.has_value());
  base::Reader reader(query);
  reader.skip(dns::kHeaderSize + parsed->question.size() + dns::kOptFixed);
  while (reader.ok() && !reader.at_end()) {
    if (reader.be16() == code) return true;
    reader.skip(reader.be16());
  }
  return false;
}

void answer_all(Connection& connection) {
  while (const std::optional<Bytes> query = connection.read_query())
    connection.send(answer_to(*query));
}

void answer_none(Connection& connection) {
  while (connection.read_query()) {
  }
}

Script answer_while(const std::atomic<bool>& open) {
  return [&open](Connection& connection) {
    while (const auto query = connection.read_query()) {
      while (!open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      connection.send(answer_to(*query));
    }
  };
}

}  // namespace tests
