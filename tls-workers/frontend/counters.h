// What one worker's stream frontend counts. Written by the worker, read by the thread that scrapes.
#pragma once

#include <array>
#include <string_view>

#include "dataplane/base/counters.h"
#include "dataplane/rules/client_counters.h"
#include "dataplane/rules/transport.h"

namespace frontend {

/// Why a connection ended. The names are `dotline_client_connections_closed_total{reason}`;
/// docs/metrics.md tells what each means.
enum class Closed : uint8_t {
  ByClient,
  Reset,
  Idle,
  GaveWay,
  HandshakeFailed,
  HandshakeTimeout,
  ReceiveTimeout,
  SendTimeout,
  Duration,
  QueryLimit,
  Malformed,
  Garbage,
  Abusive,
  Acl,
  Stopped,
  Http1,         // Told 505.
  Http1InHello,  // Ended in its TLS handshake.
  Count_
};

inline constexpr std::array<std::string_view, static_cast<size_t>(Closed::Count_)> kClosedNames = {
    "by_client",       "reset",        "idle",     "gave_way",    "tls_failed", "tls_timeout",
    "receive_timeout", "send_timeout", "duration", "query_limit", "malformed",  "garbage",
    "abusive",         "acl",          "stopped",  "http_1",      "http_1_alpn"};
static_assert(!kClosedNames.back().empty());

/// Why a connection was not taken. The names are
/// `dotline_client_connections_refused_total{reason}`.
enum class Refused : uint8_t { Acl, Full, ClientFull, Descriptors, BindOff, Count_ };

inline constexpr std::array<std::string_view, static_cast<size_t>(Refused::Count_)> kRefusedNames =
    {"acl", "full", "client_full", "descriptors", "bind_off"};
static_assert(!kRefusedNames.back().empty());

struct alignas(64) Counters : rules::ClientCounters {
  base::Counters<rules::Transport> accepted;
  base::Counters<rules::Transport> open;  // Gauge: connections now, handshakes included.
  base::Counters<Closed> closed;
  base::Counters<Refused> refused;
  base::Counter handshakes_full;
  base::Counter handshakes_resumed;
  base::Counter paused;  // Times a connection was not read from until it had taken its replies.
};

}  // namespace frontend
