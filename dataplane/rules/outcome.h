// What becomes of whatever clients send: a reply of some kind, or nothing for a reason. Both are
// labels of metrics.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rules {

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
  BadCookie,
  Truncated,
  Count_
};

inline constexpr std::array<std::string_view, static_cast<size_t>(Outcome::Count_)> kOutcomeNames =
    {"hit",      "fill",    "stale",  "local",   "blocked",   "refused",
     "servfail", "formerr", "notimp", "badvers", "badcookie", "truncated"};
static_assert(!kOutcomeNames.back().empty());

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
  RateLimited,
  PoolEmpty,
  TransmitFull,
  ClientGone,
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
    "rate_limited",
    "pool_empty",
    "transmit_full",
    "client_gone",
    "exception_rate_limited",
    "exception_full",
    "exception_refused"};
static_assert(!kDropNames.back().empty());

}  // namespace rules
