#include "tls-workers/transport/tls_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "dataplane/base/socket_address.h"

namespace transport {
namespace {

/// How long the kernel may try to get sent bytes acknowledged before it gives the connection up: a
/// path that has gone, a changed address. RFC 5482.
constexpr unsigned kUserTimeoutMs = 5000;

/// A TLS record at most; OpenSSL takes it apart from memory.
constexpr size_t kReceiveSize = size_t{16} * 1024;

std::string errno_text(int error) { return std::system_category().message(error); }

void set_tcp_option(int fd, int option, int value) {
  (void)setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
}

}  // namespace

backends::Step TlsStream::connect(const base::Endpoint& peer) {
  drop();
  const int family = peer.address.is_v4() ? AF_INET : AF_INET6;
  fd_ = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd_ < 0)
    return base::fail(
        backends::Fault{backends::Failure::Connect, "no socket: " + errno_text(errno)});
  set_tcp_option(fd_, TCP_NODELAY, 1);
  set_tcp_option(fd_, TCP_USER_TIMEOUT, kUserTimeoutMs);
  const base::SocketAddress address = base::socket_address(peer);
  if (::connect(fd_, address.get(), address.size) == 0) return backends::Progress::Done;
  if (errno == EINPROGRESS) return backends::Progress::Wait;
  return base::fail(
      backends::Fault{backends::Failure::Connect, "cannot connect: " + errno_text(errno)});
}

backends::Step TlsStream::finish_connect() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0)
    return base::fail(
        backends::Fault{backends::Failure::Connect, "cannot connect: " + errno_text(error)});
  // Without a peer it was not the connection's outcome that woke us.
  sockaddr_storage peer;
  socklen_t peer_size = sizeof peer;
  if (getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
    return backends::Progress::Wait;
  return backends::Progress::Done;
}

backends::Step TlsStream::pass(Socks5& proxy) {
  // Bounded by the proxy's three replies: each turn of the loop takes octets of one.
  for (;;) {
    while (!proxy.unsent().empty()) {
      const base::ByteView rest = proxy.unsent();
      const ssize_t size = send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return backends::Progress::Wait;
      if (size < 0)
        return base::fail(
            backends::Fault{backends::Failure::Connect, "lost: " + errno_text(errno)});
      proxy.sent(static_cast<size_t>(size));
    }
    std::array<std::byte, Socks5::kMaxReply> reply;
    const ssize_t size = recv(fd_, reply.data(), proxy.wanted(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return backends::Progress::Wait;
    if (size < 0)
      return base::fail(backends::Fault{backends::Failure::Connect, "lost: " + errno_text(errno)});
    if (size == 0) return base::fail(backends::Fault{backends::Failure::Connect, "hung up"});
    backends::Step step = proxy.take(base::ByteView(reply).first(static_cast<size_t>(size)));
    if (!step || *step == backends::Progress::Done) return step;
  }
}

backends::Step TlsStream::shake_hands(const TlsContext& context, base::Time now) {
  if (ssl_ == nullptr) ssl_ = context.make_ssl(now, notes_);
  if (ssl_ == nullptr)
    return base::fail(
        backends::Fault{backends::Failure::Tls, "cannot set up TLS: " + take_openssl_error()});
  backends::Step step = advance_handshake();
  if (!step || *step == backends::Progress::Wait) return step;
  if (std::optional<backends::Fault> fault = context.check_peer(ssl_.get()))
    return base::fail(*std::move(fault));
  context.keep_what_is_used_again(ssl_.get());
  // After this point queries may be written.
  flush();
  return step;
}

void TlsStream::accept(int fd) {
  drop();
  fd_ = fd;
}

backends::Step TlsStream::answer_handshake(SSL_CTX* context) {
  if (ssl_ == nullptr) {
    ssl_ = new_ssl(context, notes_);
    if (ssl_ == nullptr)
      return base::fail(
          backends::Fault{backends::Failure::Tls, "cannot set up TLS: " + take_openssl_error()});
    SSL_set_accept_state(ssl_.get());
  }
  backends::Step step = advance_handshake();
  if (step && *step == backends::Progress::Done) flush();
  return step;
}

backends::Step TlsStream::advance_handshake() {
  readable();
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    const int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), done);
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ) {
      backends::Fault fault = handshake_fault(error);
      flush();  // The alert that tells the peer why.
      return base::fail(std::move(fault));
    }
    if (done == 1) {
      notes_.budget = {};
      return backends::Progress::Done;
    }
    flush();
    base::Result<Received, backends::Fault> received = receive();
    if (!received)
      return base::fail(backends::Fault{backends::Failure::Tls,
                                        "the TLS handshake broke off: " + received.error().text});
    if (*received == Received::Nothing) return backends::Progress::Wait;
  }
}

backends::Fault TlsStream::handshake_fault(int error) {
  if (!notes_.complaint.empty()) return {backends::Failure::Certificate, notes_.complaint};
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK)
    return {backends::Failure::Certificate, X509_verify_cert_error_string(verified)};
  if (error == SSL_ERROR_ZERO_RETURN)
    return {backends::Failure::Tls, "TLS handshake: closed by the server"};
  return {backends::Failure::Tls, "TLS handshake: " + take_openssl_error()};
}

base::Result<size_t, backends::Fault> TlsStream::read(base::ByteSpan into) {
  for (;;) {
    ERR_clear_error();
    const int size = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
    if (size > 0) notes_.budget.carried(static_cast<size_t>(size));
    if (notes_.budget.exceeded())
      return base::fail(backends::Fault{backends::Failure::Tls,
                                        "the server sends TLS records without data in them"});
    if (size > 0) return static_cast<size_t>(size);
    const int error = SSL_get_error(ssl_.get(), size);
    if (error == SSL_ERROR_ZERO_RETURN)
      return base::fail(backends::Fault{backends::Failure::Eof, "closed by the server"});
    if (error != SSL_ERROR_WANT_READ)
      return base::fail(backends::Fault{backends::Failure::Tls, "TLS: " + take_openssl_error()});
    if (unsent() > kMaxForced)
      return base::fail(
          backends::Fault{backends::Failure::Tls, "the server makes us write but does not read"});
    const base::Result<Received, backends::Fault> received = receive();
    if (!received) return base::fail(received.error());
    if (*received == Received::Nothing) return size_t{0};
  }
}

/// One read of the socket into OpenSSL's memory. A read that did not fill the buffer has emptied
/// the socket, so none follows it before the socket is readable again.
base::Result<TlsStream::Received, backends::Fault> TlsStream::receive() {
  if (reads_left_ == 0) return Received::Nothing;
  std::array<std::byte, kReceiveSize> buffer;
  const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
  if (size > 0) {
    received_ = true;
    reads_left_ = static_cast<size_t>(size) < buffer.size() ? 0 : reads_left_ - 1;
    if (BIO_write(SSL_get_rbio(ssl_.get()), buffer.data(), static_cast<int>(size)) != size) {
      return base::fail(backends::Fault{backends::Failure::Reset, "out of memory"});
    }
    return Received::Some;
  }
  if (size < 0 && errno == EINTR) return receive();
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    reads_left_ = 0;
    return Received::Nothing;
  }
  if (send_fault_) return base::fail(*send_fault_);
  if (size == 0) return base::fail(backends::Fault{backends::Failure::Eof, "closed by the server"});
  return base::fail(
      backends::Fault{backends::Failure::Reset, "connection lost: " + errno_text(errno)});
}

size_t TlsStream::write(base::ByteView plaintext) {
  size_t taken = 0;
  while (taken < plaintext.size() && unsent() < kMaxUnsent) {
    const base::ByteView rest = plaintext.subspan(taken);
    ERR_clear_error();
    // One record a call: the context's fragment size cuts it.
    const int size = SSL_write(ssl_.get(), rest.data(), static_cast<int>(rest.size()));
    if (size <= 0)
      break;  // Memory is out, or a fatal alert came in between; the read that follows tells.
    taken += static_cast<size_t>(size);
  }
  return taken;
}

void TlsStream::flush() {
  char* data = nullptr;
  const long held = ssl_ != nullptr ? BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data) : 0;
  const auto size = static_cast<size_t>(held);
  while (sent_ < size && !send_fault_) {
    const ssize_t sent = send(fd_, data + sent_, size - sent_, MSG_NOSIGNAL);
    if (sent > 0) {
      sent_ += static_cast<size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      return;
    } else if (errno != EINTR) {
      send_fault_ =
          backends::Fault{backends::Failure::Reset, "connection lost: " + errno_text(errno)};
    }
  }
  if (size == 0) return;
  (void)BIO_reset(SSL_get_wbio(ssl_.get()));
  sent_ = 0;
}

size_t TlsStream::unsent() const {
  if (ssl_ == nullptr) return 0;
  return BIO_ctrl_pending(SSL_get_wbio(ssl_.get())) - sent_;
}

std::optional<backends::Date> TlsStream::shown_expiry() const {
  const X509* certificate = resumed() ? nullptr : SSL_get0_peer_certificate(ssl_.get());
  tm parts{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

void TlsStream::acknowledge() { set_tcp_option(fd_, TCP_QUICKACK, 1); }

void TlsStream::say_goodbye() {
  if (ssl_ == nullptr || SSL_is_init_finished(ssl_.get()) != 1 || has_unsent()) return;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());
  flush();
}

void TlsStream::close() {
  say_goodbye();
  drop();
}

void TlsStream::drop() {
  // Without it OpenSSL takes a missing close_notify for a reason never to resume the session, which
  // TLS 1.1 has done away with (RFC 4346 §7.2.1). After an attack on the records it has forgotten
  // the session by itself.
  if (ssl_ != nullptr) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
  notes_ = {};
  sent_ = 0;
  reads_left_ = 0;
  received_ = false;
  send_fault_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace transport
