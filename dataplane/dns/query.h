// A client's query, read once from untrusted bytes. RFC 1035 §4.1, RFC 6891 §6.1.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/dns/protocol.h"
#include "dataplane/dns/question.h"

namespace dns {

using base::Result;

/// The first four octets of a message: all that an error reply needs.
struct Head {
  uint16_t id = 0;
  uint16_t flags = 0;

  [[nodiscard]] bool is_response() const { return (flags & flag::kQr) != 0; }
  [[nodiscard]] uint8_t opcode() const {
    return static_cast<uint8_t>((flags & flag::kOpcodeMask) >> flag::kOpcodeShift);
  }
  [[nodiscard]] bool has(uint16_t bit) const { return (flags & bit) != 0; }
};

/// Whether a query asks how long its session may stay open. RFC 7828 §3.2.1: it has no timeout of
/// its own to name; on UDP the option means nothing.
enum class AsksKeepalive : uint8_t { No, Yes, WithTimeout };

/// What the client's OPT said. RFC 6891 §6.1.3. Of options that come twice the first one counts.
struct Edns {
  uint16_t udp_size = 0;  // As sent; 0-511 mean 512.
  uint8_t version = 0;
  bool present = false;
  bool dnssec_ok = false;
  bool padded = false;  // Has the padding option, even if empty. RFC 7830 §4.
  AsksKeepalive keepalive = AsksKeepalive::No;
};

struct Query {
  Head head;
  ByteView question;  // Name, type, class exactly as the client wrote them; borrows the payload.
  Type type{};
  Class klass{};
  Edns edns;
  ByteView cookie;  // 8 or 16-40 octets, RFC 7873 §4, or none; borrows the payload.

  [[nodiscard]] ByteView name() const { return question.first(question.size() - kTypeAndClass); }
  [[nodiscard]] Wants wants() const {
    return (edns.dnssec_ok ? Wants::DnssecOk : Wants::Plain) |
           (head.has(flag::kCd) ? Wants::CheckingDisabled : Wants::Plain);
  }
};

/// Why a payload is not a query to work on. The first two get no reply at all; the rest get one
/// that says so.
enum class QueryFault : uint8_t {
  TooShort,    // Fewer than 12 octets: not even a header.
  NotAQuery,   // QR=1: answering would let two servers answer each other for ever (CVE-2024-2169).
  BadOpcode,   // Anything but QUERY: NOTIMP.
  Truncated,   // TC=1 in a query: FORMERR.
  NoQuestion,  // QDCOUNT=0, but an OPT with a cookie: asks for a cookie alone, RFC 7873 §5.4.
  BadCount,    // QDCOUNT≠1 (RFC 9619), ANCOUNT or NSCOUNT≠0, ARCOUNT>1: FORMERR.
  BadName,     // Truncated, compressed or too long name; type or class missing: FORMERR.
  BadOpt,      // A record that is not a well-formed OPT: FORMERR, without OPT.
};

struct Malformed {
  QueryFault fault{};
  Head head;          // Zero when `TooShort`.
  ByteView question;  // As in Query, if it was read before the fault; else empty.
  Edns edns;          // Present when `NoQuestion` only, ...
  ByteView cookie;    // ... and so is this.
};

/// Reads the one question of a client's query. RFC 1035 §4.1.2; RFC 9619 (QDCOUNT > 1 is FORMERR);
/// RFC 6891 §6.1.1 (one OPT). `payload`: one UDP payload, 0-65,535 octets, untrusted; the result
/// borrows from it. Allocates nothing; linear in its size. Bytes after the last record are ignored
/// and never copied.
[[nodiscard]] Result<Query, Malformed> parse_query(ByteView payload) noexcept;

}  // namespace dns
