// A client's socket, with TLS around it or without: octets in, octets out, one system call for as
// many as there are.
#pragma once

#include <memory>

#include "dataplane/base/bytes.h"
#include "tls-workers/frontend/carrier.h"
#include "tls-workers/server_tls/server_context.h"
#include "tls-workers/transport/tls_stream.h"

namespace frontend {

class Channel {
 public:
  Channel() = default;
  ~Channel() { close(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Takes the socket. `tls`: nullptr for none.
  void open(int fd, std::shared_ptr<const server_tls::ServerContext> tls);
  void close();

  /// Http1: failed, since the client offers HTTP/1.1 where HTTP/2 is spoken.
  enum class Shaken : uint8_t { Wait, Full, Resumed, Failed, Http1 };
  /// Of a channel with TLS, each time its socket is readable, until it does not say Wait.
  [[nodiscard]] Shaken shake_hands();

  /// The socket is readable: `read` may go to it.
  void readable();
  enum class Got : uint8_t { Some, Nothing, End, Lost };
  struct Read {
    Got got;
    size_t size = 0;
  };
  /// Octets for the front of `into`. End: the client sends no more; it may still read.
  [[nodiscard]] Read read(base::ByteSpan into);

  enum class Sent : uint8_t { All, Some, Lost };
  /// All that `carrier` has, as far as the socket takes it. What TLS holds back counts as unsent.
  [[nodiscard]] Sent send(Carrier& carrier);
  /// Octets that were taken from the carrier and not yet sent.
  [[nodiscard]] size_t unsent() const { return tls_ != nullptr ? stream_.unsent() : 0; }

  /// Tells the client that nothing follows. Once everything is sent.
  void finish();
  /// Whether the client has ended, or is gone; what it still sends is thrown away.
  [[nodiscard]] bool has_ended();

  [[nodiscard]] int fd() const { return fd_; }

 private:
  [[nodiscard]] Sent send_plainly(Carrier& carrier);
  [[nodiscard]] Sent send_through_tls(Carrier& carrier);

  int fd_ = -1;  // With TLS, it is the stream's.
  std::shared_ptr<const server_tls::ServerContext> tls_;
  transport::TlsStream stream_;
  bool readable_ = false;
};

}  // namespace frontend
