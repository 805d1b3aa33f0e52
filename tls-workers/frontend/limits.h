// What clients may take of us over streams. The operator's word for each is in
// docs/configuration.md, under `tuning.tcp`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/base/clock.h"

namespace frontend {

struct Limits {
  uint32_t max_concurrent_connections = 4096;    // Over all workers, each of which has its share.
  uint32_t max_connections_per_client = 256;     // An IPv4 address or an IPv6 /64; 0: any.
  uint32_t max_queries_per_connection = 0;       // 0: any.
  uint32_t max_in_flight_queries = 256;          // Of one connection; then it is not read from.
  uint32_t listen_queue_size = 1024;             // Connections that the kernel holds for a worker.
  uint32_t connections_overload_threshold = 90;  // Per cent: idle ones are kept less long beyond.
  base::seconds max_connection_duration{0};      // 0: any.
  base::seconds receive_timeout{5};  // From a message's first octet to its last; for handshakes.
  base::seconds send_timeout{5};     // Without the client taking any of what it asked for.
  base::seconds idle_timeout{10};    // With nothing asked. RFC 7766 §6.2.3.

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// Octets of replies that a connection holds; then it is not read from.
inline constexpr size_t kMaxHeld = size_t{64} * 1024;
/// Messages of a connection that are no queries; then it is closed.
inline constexpr uint32_t kMaxGarbage = 100;
/// How long a connection that we end waits for the client to end it too, so that the client reads
/// the last replies before a reset: a close with octets unread is a reset (RFC 9293 §3.6.1).
inline constexpr base::seconds kLinger{2};
/// Idle connections are kept no less long than this, however many there are.
inline constexpr base::milliseconds kLeastIdle{500};

}  // namespace frontend
