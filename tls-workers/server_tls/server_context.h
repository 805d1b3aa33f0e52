// How we speak TLS to clients at one address: what is shown, offered and refused. Shared by all
// workers; a reload makes another one, and connections keep the one they began with.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tls-workers/backends/backend.h"
#include "tls-workers/server_tls/certificate.h"
#include "tls-workers/server_tls/ticket_keys.h"

namespace server_tls {

struct ServerTls {
  std::vector<Certificate> certificates;  // Each with another kind of key.
  backends::TlsSettings offer;

  friend bool operator==(const ServerTls&, const ServerTls&) = default;
};

/// When the first of its certificates expires; it has one.
[[nodiscard]] std::chrono::system_clock::time_point expiry_of(const ServerTls& tls);

class ServerContext {
 public:
  /// `protocol`: its name for ALPN (RFC 7301), "dot" or "h2". A client that names no protocol is
  /// served; one that names only others is refused. `keys` outlive it and every connection. Throws
  /// std::runtime_error with OpenSSL's words if it does not take the settings.
  ServerContext(const ServerTls& settings, const std::string& protocol, TicketKeys& keys);
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

  [[nodiscard]] SSL_CTX* get() const { return context_.get(); }

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  [[nodiscard]] bool set_up(const ServerTls& settings, TicketKeys& keys);
  static int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                             const unsigned char* offered, unsigned offered_size, void* self);

  std::string protocol_;  // As ALPN writes it: behind its length.
  std::unique_ptr<SSL_CTX, FreeContext> context_;
};

}  // namespace server_tls
