// How one worker speaks TLS to one backend: whom to trust, what the certificate must say, what is
// offered, what is refused. Strict only (RFC 8310 §5): there is no setting with which an
// unauthenticated session would come up.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "dataplane/base/clock.h"
#include "tls-workers/upstream/backend.h"
#include "tls-workers/upstream/fault.h"
#include "tls-workers/upstream/tickets.h"

namespace tls {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, FreeSsl>;

class TlsContext {
 public:
  /// Throws std::runtime_error, naming the backend and the file, if the trust store cannot be
  /// loaded, or if neither a subject name nor a valid subject address is set.
  TlsContext(const BackendSettings& settings, Tickets& tickets);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// A client side ready to shake hands: server name, expected certificate subject and a ticket, if
  /// there is one, are set; memory BIOs on both ends. What the certificate check finds wrong is
  /// written to `complaint`, which outlives the result. nullptr when memory is out.
  [[nodiscard]] Ssl make_ssl(base::Time now, std::string& complaint) const;

  /// After the handshake, before the first query: whether the peer is who it has to be. Nothing if
  /// so.
  [[nodiscard]] std::optional<Fault> check_peer(SSL* ssl) const;

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  void load_trust() const;
  [[nodiscard]] bool expect_subject(SSL* ssl) const;
  [[nodiscard]] const std::string& expected() const;
  static int keep_ticket(SSL* ssl, SSL_SESSION* session);
  static int note_verification(int accepted, X509_STORE_CTX* store);

  [[nodiscard]] std::optional<Fault> check_protocol(SSL* ssl) const;

  std::string name_;  // The backend's.
  Protocol protocol_;
  std::string subject_name_;
  std::string subject_address_;
  std::string ca_store_;
  TicketBox& tickets_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
};

/// The oldest entry of OpenSSL's error queue, in words; empties the queue.
[[nodiscard]] std::string take_openssl_error();

}  // namespace tls
