// TLS session tickets that resolvers have given us, shared by every worker, so that a new session
// need not pay a full handshake.
//
// Resumption skips the certificate checks, so a box belongs to exactly one identity (address,
// expected name, trust store) and a ticket is used once and not for long. RFC 8446 §2.2, §4.6.1,
// appendix C.4.
#pragma once

#include <openssl/ssl.h>
#include <tbb/concurrent_hash_map.h>
#include <tbb/concurrent_queue.h>

#include <memory>
#include <string>

#include "dataplane/base/clock.h"

namespace tls {

struct FreeSslSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SslSession = std::unique_ptr<SSL_SESSION, FreeSslSession>;

/// The tickets of one identity. Every member may be called by any thread at any time.
class TicketBox {
 public:
  TicketBox() { tickets_.set_capacity(kCapacity); }

  /// Keeps `session`; the oldest one gives way when the box is full.
  void put(SslSession session, base::Time now);
  /// The oldest ticket that is still fresh, or nullptr. It is the caller's alone from now on.
  [[nodiscard]] SslSession take(base::Time now);

  static constexpr int kCapacity = 20;
  static constexpr base::seconds kLifetime{600};

 private:
  struct Ticket {
    SslSession session;
    base::Time received;
  };
  tbb::concurrent_bounded_queue<Ticket> tickets_;
};

/// Every box there is. Made once, before the workers, and outlives them.
class Tickets {
 public:
  /// The box for `identity`, made on first use. Stays where it is for the registry's life.
  [[nodiscard]] TicketBox& of(const std::string& identity);

 private:
  tbb::concurrent_hash_map<std::string, std::unique_ptr<TicketBox>> boxes_;
};

}  // namespace tls
