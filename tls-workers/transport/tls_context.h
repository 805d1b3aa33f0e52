// How one worker speaks TLS to one backend: what to trust, what the certificate must say, what is
// offered, what is refused. Strict only (RFC 8310 §5): there is no setting with which an
// unauthenticated session would come up.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/clock.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/fault.h"
#include "tls-workers/backends/pins.h"
#include "tls-workers/transport/key_log.h"
#include "tls-workers/transport/record_budget.h"
#include "tls-workers/transport/tickets.h"

namespace transport {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, FreeSsl>;

/// What OpenSSL tells about one connection while it works on it.
struct PeerNotes {
  std::string complaint;  // What certificate verification found wrong.
  RecordBudget budget;
  bool offers_http_1_alone = false;  // A client, where HTTP/2 is spoken.
};

/// Of a connection that `new_ssl` has made.
[[nodiscard]] PeerNotes& notes_of(const SSL* ssl);

class TlsContext {
 public:
  /// Reads the trust store, and trusts no certificate if it cannot be read; after this, no file is
  /// read any more. Throws std::runtime_error, naming the backend and the file or setting, if
  /// OpenSSL does not take a setting, if the key log cannot be opened, or if there is no subject
  /// name, valid subject address or pin.
  TlsContext(const backends::BackendSettings& settings, Tickets& tickets);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// A client side ready to shake hands: server name, expected certificate subject and a ticket, if
  /// there is one, are set; memory BIOs on both ends. What happens is written to `notes`, which
  /// outlives the result. nullptr when memory is out.
  [[nodiscard]] Ssl make_ssl(base::Time now, PeerNotes& notes) const;

  /// After the handshake, full or resumed, and before the first query: whether the peer is who it
  /// has to be. Nothing if so.
  [[nodiscard]] std::optional<backends::Fault> check_peer(SSL* ssl) const;
  /// The handshake is done and the peer is who it should be: a ticket of TLS 1.2 that brought it
  /// about is good for the next one too.
  void keep_what_is_used_again(SSL* ssl) const;

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  [[nodiscard]] std::string load_authorities(const std::string& path);
  void check_settings() const;
  void set_up();
  [[nodiscard]] bool trusts_authorities() const {
    return !subject_name_.empty() || !subject_address_.empty();
  }
  [[nodiscard]] bool expect_subject(SSL* ssl) const;
  [[nodiscard]] const std::string& expected() const;
  [[nodiscard]] std::optional<std::string> wrong_key(const X509* certificate) const;
  [[nodiscard]] std::optional<backends::Fault> check_protocol(SSL* ssl) const;
  static int verify(X509_STORE_CTX* store, void* context);
  static int note_verification(int accepted, X509_STORE_CTX* store);
  static int keep_ticket(SSL* ssl, SSL_SESSION* session);
  static void log_key(const SSL* ssl, const char* line);

  std::string name_;  // The backend's.
  backends::Protocol protocol_;
  std::string subject_name_;
  std::string subject_address_;
  std::vector<backends::Pin> pins_;
  backends::TlsSettings settings_;
  std::unique_ptr<KeyLog> key_log_;  // Nullptr: keys are not written.
  std::shared_ptr<TicketBox> tickets_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
};

/// One end of a connection, with memory BIOs on both sides of it. What happens is written to
/// `notes`, which outlives the result. nullptr when memory is out.
[[nodiscard]] Ssl new_ssl(SSL_CTX* context, PeerNotes& notes);
/// Has `notes` count records, for every connection made of `context`.
void count_records(SSL_CTX* context);

/// The oldest entry of OpenSSL's error queue, in words; empties the queue.
[[nodiscard]] std::string take_openssl_error();

}  // namespace transport
