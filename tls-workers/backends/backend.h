// A backend: one configured resolver. What the operator said about it, and what each worker counts
// about it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/counters.h"
#include "dataplane/base/histogram.h"
#include "dataplane/dns/question.h"
#include "tls-workers/backends/health.h"
#include "tls-workers/backends/pins.h"

namespace backends {

/// How messages travel inside TLS.
enum class Protocol : uint8_t {
  DoT,  // RFC 7858.
  DoH   // RFC 8484, over HTTP/2.
};

enum class TlsVersion : uint8_t { Tls12, Tls13 };

/// What is offered in handshakes, and what they leave behind. Texts are OpenSSL's; empty: its
/// defaults.
struct TlsSettings {
  std::string ciphers;  // Of TLS 1.2.
  std::string ciphers_tls_13;
  std::string ecdhe_curves;  // Groups for the key exchange.
  TlsVersion min_version = TlsVersion::Tls12;
  std::string key_log_file;  // Empty: keys are not written.

  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

/// A proxy on the way to a resolver. RFC 1928. With one there is never a direct connection.
struct Socks5Settings {
  base::Endpoint proxy;
  std::string user;  // 1 to 255 octets each, RFC 1929. A backend's own unless the operator has set
                     // them, so that Tor does not put two resolvers on one circuit.
  std::string password;
  bool made_up = false;  // They are not the operator's, so others would do as well.

  friend bool operator==(const Socks5Settings& a, const Socks5Settings& b) {
    if (a.proxy != b.proxy || a.made_up != b.made_up) return false;
    return a.made_up || (a.user == b.user && a.password == b.password);
  }
};

struct BackendSettings {
  std::string name;  // Unique; the `backend` label of metrics.
  base::Endpoint address;
  std::string host;  // If not empty: a name that the proxy looks up; `address` has only the port.
  std::optional<Socks5Settings> socks5;
  Protocol protocol = Protocol::DoT;
  std::string path = "/dns-query";  // Of DoH. The customary one, RFC 8484 §4.1.1's example.
  // What the certificate must be for, RFC 8310 §8.1; what key it must have. At least one is set,
  // and what is set must all hold.
  std::string subject_name;
  std::string subject_address;
  std::vector<Pin> pins;  // Any of them. Without a subject, they stand for the authorities as well.
  std::string ca_store;   // A PEM file; empty means the system's store.
  TlsSettings tls;
  uint32_t order = 1;
  uint32_t weight = 1;
  std::vector<dns::PoolId> pools;
  uint32_t max_in_flight = 200;     // Per session.
  uint32_t queries_per_second = 0;  // Over all workers; 0: no limit.
  base::milliseconds query_timeout{1500};
  HealthSettings health;
  base::milliseconds idle_timeout{8000};

  /// Host and port, for people.
  [[nodiscard]] std::string where() const {
    return host.empty() ? address.text() : host + ':' + std::to_string(address.port);
  }

  /// Whether sessions of `other` are no use under these settings. What only chooses among backends
  /// does not matter to them.
  [[nodiscard]] bool needs_other_sessions(BackendSettings other) const {
    other.order = order;
    other.weight = weight;
    other.queries_per_second = queries_per_second;
    other.pools = pools;
    return *this != other;
  }
  friend bool operator==(const BackendSettings&, const BackendSettings&) = default;
};

/// How an exchange with a backend can fail. The names are `dotline_backend_failures_total{class}`.
enum class Failure : uint8_t {
  Connect,
  Tls,
  Certificate,
  Eof,
  Reset,
  Deadline,
  Mismatch,
  Malformed,
  Refused,
  ServFail,
  Count_
};

inline constexpr std::array<std::string_view, static_cast<size_t>(Failure::Count_)> kFailureNames =
    {"connect",  "tls",      "certificate", "eof",     "reset",
     "deadline", "mismatch", "malformed",   "refused", "servfail"};
static_assert(!kFailureNames.back().empty());

/// The header's rcodes, and one place for what only an OPT can say.
/// `dotline_backend_responses_total{rcode}`.
inline constexpr std::array<std::string_view, 17> kRcodeNames = {
    "noerror",  "formerr", "servfail", "nxdomain", "notimp",  "refused",
    "yxdomain", "yxrrset", "nxrrset",  "notauth",  "notzone", "dsotypeni",
    "12",       "13",      "14",       "15",       "extended"};

/// Written by one worker, read by the thread that scrapes.
struct alignas(64) BackendCounters {
  base::Counter queries;
  base::Counter over_budget;  // Questions that went elsewhere or waited since the budget was spent.
  std::array<base::Counter, kRcodeNames.size()> responses;
  base::Counters<Failure> failures;
  base::Counter handshakes_full;
  base::Counter handshakes_resumed;
  base::Counter sessions;   // Gauge: sessions ready for queries.
  base::Counter in_flight;  // Gauge.
  base::Counter up;         // Gauge, 0 or 1: this worker would choose the backend.
  base::Histogram response_duration;
};

}  // namespace backends
