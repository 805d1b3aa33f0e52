// One TLS connection over one non-blocking TCP socket, to a resolver or from a client. The socket
// carries nothing but what OpenSSL made, and before it, if there is a proxy, where the proxy is to
// connect to: there is no way to send bytes past that, and none to send queries to a resolver that
// has not proved who it is.
//
// OpenSSL works on memory; the socket is read and written here. So a turn's records leave in one
// system call, a closed peer cannot raise SIGPIPE, and an end, a reset and a TLS failure are told
// apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "tls-workers/backends/backend_report.h"
#include "tls-workers/transport/socks5.h"
#include "tls-workers/transport/tls_context.h"

namespace transport {

class TlsStream {
 public:
  TlsStream() = default;
  ~TlsStream() { drop(); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Begins to connect. Wait: the socket becomes writable when it has been decided. Class Connect
  /// on failure.
  [[nodiscard]] backends::Step connect(const base::Endpoint& peer);
  [[nodiscard]] backends::Step finish_connect();
  /// Each time the socket is ready, until Done: the proxy has connected us then. Class Connect on
  /// failure.
  [[nodiscard]] backends::Step pass(Socks5& proxy);
  /// Each time the socket is ready, until Done: the peer is authenticated then. Class Tls or
  /// Certificate on failure.
  [[nodiscard]] backends::Step shake_hands(const TlsContext& context, base::Time now);

  /// Takes a client's socket, which is closed with the stream.
  void accept(int fd);
  /// The other side of `shake_hands`; nothing is asked of the client. Class Tls on failure.
  [[nodiscard]] backends::Step answer_handshake(SSL_CTX* context);

  /// The socket is readable (again): `read` may go to it.
  void readable() { reads_left_ = kReadsPerEvent; }
  /// Octets of plaintext put into `into`; 0: no more for now. Class Eof, Reset or Tls on failure.
  /// After the handshake only.
  [[nodiscard]] base::Result<size_t, backends::Fault> read(base::ByteSpan into);
  /// Whether anything came from the peer since the last call, even if only TLS's own.
  [[nodiscard]] bool take_received() { return std::exchange(received_, false); }
  /// Octets taken from the front of `plaintext`, in records of about one segment; fewer than
  /// offered when the peer does not read.
  [[nodiscard]] size_t write(base::ByteView plaintext);
  /// Hands the socket what it takes. An error shows at the next `read`, after what the peer had
  /// still sent.
  void flush();
  [[nodiscard]] bool has_unsent() const { return unsent() > 0; }
  /// Octets of ciphertext that the socket has not taken.
  [[nodiscard]] size_t unsent() const;

  /// Acknowledges now what has been received, instead of after the delayed-ACK time (RFC 9293
  /// §3.8.6.3).
  void acknowledge();
  /// Says close_notify, as far as the socket takes it at once.
  void say_goodbye();
  /// The same, and closes.
  void close();
  /// Closes without a word.
  void drop();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  /// Of a handshake with a client that has failed: whether that was why.
  [[nodiscard]] bool offers_http_1_alone() const { return notes_.offers_http_1_alone; }
  /// Until when the certificate is valid that the handshake has shown; a resumed one shows none.
  [[nodiscard]] std::optional<backends::Date> shown_expiry() const;

  static constexpr size_t kMaxUnsent =
      size_t{64} * 1024;  // Ciphertext the socket has not taken; more plaintext waits outside.
  static constexpr size_t kMaxForced =
      size_t{256} *
      1024;  // What a peer can make TLS itself write (key updates) without reading it.
  static constexpr unsigned kReadsPerEvent = 8;  // Then it is the other sessions' turn.

 private:
  enum class Received : uint8_t { Some, Nothing };

  [[nodiscard]] backends::Step advance_handshake();
  [[nodiscard]] base::Result<Received, backends::Fault> receive();
  [[nodiscard]] backends::Fault handshake_fault(int error);

  int fd_ = -1;
  Ssl ssl_;
  PeerNotes notes_;
  size_t sent_ = 0;  // Octets at the front of the outgoing BIO that the socket has taken.
  unsigned reads_left_ = 0;
  bool received_ = false;
  std::optional<backends::Fault> send_fault_;
};

}  // namespace transport
