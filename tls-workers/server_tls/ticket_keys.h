// The keys of the session tickets that clients get, so that they come back with a short handshake,
// to whichever worker. In memory only: a restart forgets them. RFC 5077 §5.5, RFC 8446 §4.6.1.
//
// Two are in use: tickets are made with the newer one, which is replaced when it is old, and read
// with both. So a ticket is good for at least one rotation and at most two.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <mutex>
#include <optional>

#include "dataplane/base/clock.h"

namespace server_tls {

class TicketKeys {
 public:
  static constexpr base::seconds kRotation{6 * 3600};

  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> digest;
  };
  enum class Age : uint8_t { Newer, Older };
  struct Found {
    Key key;
    Age age;
  };

  TicketKeys() = default;
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // Any thread.

  /// The key for new tickets; nothing if there is no randomness.
  [[nodiscard]] std::optional<Key> newest(base::Time now);
  /// The key of that name, unless it has been replaced twice.
  [[nodiscard]] std::optional<Found> find(const unsigned char* name, base::Time now);

  /// Has `context`, and every other one given here, make and read tickets with these keys, which
  /// outlive it.
  void serve(SSL_CTX* context);

 private:
  /// Under the mutex.
  void rotate(base::Time now);

  std::mutex mutex_;
  std::optional<Key> newer_;
  std::optional<Key> older_;
  base::Time made_{};  // When `newer_` was.
};

}  // namespace server_tls
