// What a poll core counts. Every frame received ends in exactly one of: a reply, a drop with a
// reason, a parked asker, the kernel (by way of the exception path, whose thread counts what it
// delivered and dropped).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/counters.h"
#include "dataplane/base/histogram.h"
#include "dataplane/poll/settings.h"

namespace poll {

/// Why a frame got no reply. The names are `dotline_packets_dropped_total{reason}`; docs/metrics.md
/// tells what each means.
enum class Drop : uint8_t {
  Runt,
  EtherType,
  Vlan,
  NotOurMac,
  IpHeader,
  IpChecksum,
  IpOptions,
  Fragment,
  ExtensionHeader,
  NotUdp,
  NotBound,
  BadSource,
  SourcePort,
  UdpLength,
  UdpChecksum,
  Segmented,
  ShortQuery,
  NotAQuery,
  AclDenied,
  ErrorRateLimited,
  PoolEmpty,
  TransmitFull,
  ExceptionRateLimited,
  ExceptionFull,
  ExceptionRefused,
  Count_
};

inline constexpr std::array<std::string_view, static_cast<size_t>(Drop::Count_)> kDropNames = {
    "runt",
    "ether_type",
    "vlan",
    "not_our_mac",
    "ip_header",
    "ip_checksum",
    "ip_options",
    "fragment",
    "extension_header",
    "not_udp",
    "not_bound",
    "bad_source",
    "source_port",
    "udp_length",
    "udp_checksum",
    "segmented",
    "short_query",
    "not_a_query",
    "acl_denied",
    "error_rate_limited",
    "pool_empty",
    "transmit_full",
    "exception_rate_limited",
    "exception_full",
    "exception_refused"};
static_assert(!kDropNames.back().empty());

/// Why a frame of the kernel's was not sent. The names are
/// `dotline_exception_unsent_total{reason}`.
enum class Unsent : uint8_t { TooLong, RingFull, PoolEmpty, TransmitFull, Count_ };

inline constexpr std::array<std::string_view, static_cast<size_t>(Unsent::Count_)> kUnsentNames = {
    "too_long", "ring_full", "pool_empty", "transmit_full"};
static_assert(!kUnsentNames.back().empty());

/// What a reply was. The names are `dotline_replies_total{outcome}`.
enum class Outcome : uint8_t {
  Hit,
  Fill,
  Stale,
  Local,
  Blocked,
  Refused,
  ServFail,
  FormErr,
  NotImp,
  BadVers,
  Truncated,
  Count_
};

inline constexpr std::array<std::string_view, static_cast<size_t>(Outcome::Count_)> kOutcomeNames =
    {"hit",      "fill",    "stale",  "local",   "blocked",  "refused",
     "servfail", "formerr", "notimp", "badvers", "truncated"};
static_assert(!kOutcomeNames.back().empty());

/// Written by one core, read by whoever scrapes.
struct alignas(64) CoreCounters {
  struct PerPort {
    base::Counter received;
    base::Counter sent;         // Replies.
    base::Counter from_kernel;  // Frames of the kernel's.
  };
  std::array<PerPort, kMaxPorts> ports;
  base::Counters<Drop> dropped;
  base::Counters<Unsent> unsent;
  base::Counters<Outcome> replies;
  std::array<base::Histogram, static_cast<size_t>(Outcome::Count_)> reply_duration;
  base::Counter queries;
  struct PerCache {
    base::Counter hits;
    base::Counter misses;
  };
  std::array<PerCache, kMaxCaches> caches;  // By the cache's number.
  base::Counter parked;                     // Gauge: askers waiting now.
  base::Counter merged;                     // Askers that joined a question already on its way.
  // Queries answered SERVFAIL at once, because ...
  base::Counter parked_full;  // ... no more askers or questions can be parked,
  base::Counter client_full;  // ... this client has as many askers parked as one client may have,
  base::Counter miss_ring_full;  // ... the worker's ring was full.
  base::Counter late_fills;      // Fills for a question whose askers had all been told SERVFAIL.
  base::Counter cycles;          // TSC cycles, all turns ...
  base::Counter busy_cycles;     // ... and those of turns that did something.
};

}  // namespace poll
