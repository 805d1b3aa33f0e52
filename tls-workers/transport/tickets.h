// TLS session tickets that resolvers have given us, shared by every worker, so that a new session
// need not pay a full handshake.
//
// Resumption skips the certificate checks, so a box belongs to exactly one identity (address,
// expected names and keys, content of the trust store), and a ticket is used once (again if it is
// one of TLS 1.2 that worked, RFC 5077), not for long, and not after the certificate has expired.
// Tickets that come from resumed sessions do not go on for ever: once an hour the certificate is
// shown again. RFC 8446 §2.2, §4.6.1, appendix C.4.
#pragma once

#include <openssl/ssl.h>
#include <tbb/concurrent_queue.h>

#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "dataplane/base/clock.h"

namespace transport {

struct FreeSslSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslSession = std::unique_ptr<SSL_SESSION, FreeSslSession>;

/// When the full handshake was to which `session` goes back, through however many resumed ones;
/// nothing if none of them was in a box.
[[nodiscard]] std::optional<base::Time> proved_at(const SSL_SESSION* session);

/// The tickets of one identity. Every member may be called by any thread at any time.
class TicketBox {
 public:
  TicketBox() { tickets_.set_capacity(kCapacity); }

  /// Keeps `session`; the oldest one gives way when the box is full.
  void put(SslSession session, base::Time now);
  /// The oldest ticket that is still fresh, and whose certificate is still valid at `date`, or
  /// nullptr. It is the caller's alone from now on.
  [[nodiscard]] SslSession take(base::Time now, std::time_t date);
  /// Forgets them all.
  void clear();

  static constexpr int kCapacity = 20;
  static constexpr base::seconds kLifetime{600};
  static constexpr base::seconds kProofLifetime{3600};  // Since the last full handshake.

 private:
  struct Ticket {
    SslSession session;
    base::Time received;
  };
  tbb::concurrent_bounded_queue<Ticket> tickets_;
};

/// Every box there is. Made once, before the workers, and outlives them. Any thread.
class Tickets {
 public:
  /// The box for `identity`, made on first use and shared by all that name it. Beyond kMaxBoxes,
  /// boxes that are no longer held go, and if there are none the new one is the caller's alone.
  [[nodiscard]] std::shared_ptr<TicketBox> of(const std::string& identity);
  /// Forgets every ticket, so that each next session starts with a full handshake.
  void flush();

  static constexpr size_t kMaxBoxes =
      1024;  // Four generations of as many backends as there may be.

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<TicketBox>> boxes_;
};

}  // namespace transport
