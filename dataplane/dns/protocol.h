// The numbers of the protocol: header layout, opcodes, rcodes, types, EDNS codes. RFC 1035 §4.1.1,
// RFC 6891 §6.1, RFC 8914 §4.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dns {

inline constexpr size_t kHeaderSize = 12;
inline constexpr size_t kMaxName = 255;       // RFC 1035 §2.3.4, length octets and root included.
inline constexpr size_t kMaxLabel = 63;       // RFC 1035 §2.3.4
inline constexpr size_t kMaxMessage = 65535;  // RFC 1035 §4.2.2
inline constexpr size_t kTypeAndClass = 4;    // What follows the name in a question.
inline constexpr size_t kMaxQuestion = kMaxName + kTypeAndClass;
inline constexpr size_t kRecordFixed = 10;    // What follows an owner: type, class, TTL, RDLENGTH.
inline constexpr size_t kMinUdpSize = 512;    // RFC 6891 §6.2.3: smaller values mean 512.
inline constexpr size_t kMaxUdpSize = 1232;   // RFC 9715: up to 1400; this fits every IPv6 path.
inline constexpr size_t kOptFixed = 11;       // An OPT without options: root owner and fixed part.
inline constexpr size_t kMaxOptions = 100;    // RFC 6891 sets none; a query with more is malformed.
inline constexpr size_t kPaddingBlock = 128;  // RFC 8467 §4.1, queries.
inline constexpr size_t kReplyPaddingBlock = 468;  // The same, replies.
inline constexpr size_t kOptionFixed = 4;          // Code and length.

/// Bits of the header's second 16-bit word.
namespace flag {
inline constexpr uint16_t kQr = 0x8000, kAa = 0x0400, kTc = 0x0200, kRd = 0x0100, kRa = 0x0080,
                          kAd = 0x0020, kCd = 0x0010;
inline constexpr uint16_t kOpcodeMask = 0x7800, kRcodeMask = 0x000F;
inline constexpr int kOpcodeShift = 11;
}  // namespace flag

enum class Opcode : uint8_t { Query = 0 };

/// Twelve bits: the header's four and, above them, the OPT's eight.
enum class Rcode : uint16_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5,
  YxDomain = 6,
  BadVers = 16,
  BadCookie = 23  // RFC 7873 §5.2.3
};

/// Whether a resolver that says so has found out nothing about the name. RFC 9520 §2, RFC 8767 §4;
/// YXDOMAIN is an answer, to a name that DNAME makes too long (RFC 6672 §2.2).
[[nodiscard]] constexpr bool is_failure(Rcode rcode) {
  return rcode != Rcode::NoError && rcode != Rcode::NxDomain && rcode != Rcode::YxDomain;
}

enum class Type : uint16_t {
  A = 1,
  Ns = 2,
  Cname = 5,
  Soa = 6,
  Ptr = 12,
  Mx = 15,
  Txt = 16,
  Aaaa = 28,
  Dname = 39,
  Opt = 41,
  Ds = 43,
  Rrsig = 46,
  Https = 65,
  Tkey = 249,
  Tsig = 250,
  Ixfr = 251,
  Axfr = 252,
  MailB = 253,
  MailA = 254,
  Any = 255
};

enum class Class : uint16_t { In = 1 };

/// Extended DNS errors, RFC 8914 §4. `None` is ours: no such option.
enum class Ede : uint16_t {
  Other = 0,
  StaleAnswer = 3,
  DnssecBogus = 6,
  NsecMissing = 12,
  CachedError = 13,
  NotReady = 14,
  Prohibited = 18,
  StaleNxDomain = 19,
  NotAuthoritative = 20,
  NotSupported = 21,
  NoReachableAuthority = 22,
  NetworkError = 23,
  None = 0xFFFF
};

namespace option {
inline constexpr uint16_t kClientSubnet = 8;    // RFC 7871
inline constexpr uint16_t kCookie = 10;         // RFC 7873
inline constexpr uint16_t kKeepalive = 11;      // RFC 7828
inline constexpr uint16_t kPadding = 12;        // RFC 7830
inline constexpr uint16_t kExtendedError = 15;  // RFC 8914
}  // namespace option

inline constexpr size_t kExtendedErrorSize = 6;  // With its code and length; no EXTRA-TEXT.
inline constexpr uint16_t kDoBit = 0x8000;  // In the low half of the OPT's TTL field, RFC 3225 §3.

}  // namespace dns
