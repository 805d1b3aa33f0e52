// The one place that writes a reply to a client, whatever it says and wherever that comes from:
// cache, fill or ourselves.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/dns/protocol.h"
#include "dataplane/dns/query.h"

namespace dns {

using base::ByteSpan;

/// Options of a reply's OPT beside EDE. They are for this hop alone.
struct Options {
  ByteView cookie{};           // RFC 7873 §4: the client's 8 octets and the server's; empty: none.
  uint16_t keepalive = 0;      // RFC 7828 §3.1, in units of 100 ms; 0: none.
  uint16_t padding_block = 0;  // RFC 8467: the message is a multiple of this long; 0: not padded.
};

/// What this client asked and how it wants to hear the answer.
struct Asker {
  Head head;          // Its id, RD, CD and AD go into the reply.
  ByteView question;  // In its own case; empty if unreadable. May lie at its place in `into`.
  Edns edns;
  size_t limit = 0;  // Octets that the reply may have; 0: what `udp_limit` says.
  Options options{};
};

/// What the reply says.
struct Content {
  Rcode rcode = Rcode::NoError;
  bool authenticated = false;
  bool truncated = false;  // TC=1 and no records, whatever fits: ANY over UDP.
  bool recursion = true;   // RA: false for a client that may not ask.
  uint16_t answers = 0;
  uint16_t authorities = 0;
  uint16_t additionals = 0;
  ByteView records;  // As kept: what follows the question, without OPT.
  std::span<const uint16_t> ttl_places;
  uint32_t age = 0;     // Seconds to take off each TTL; a TTL never goes below 0.
  uint32_t ttl = 0;     // If not 0: every TTL, whatever the records say. RFC 8767 §4.
  Ede ede = Ede::None;  // Sent if the client sent an OPT and it fits. RFC 8914 §3.
};

enum class Written : uint8_t { Whole, Truncated };

struct Reply {
  size_t size = 0;  // Octets of DNS message in `into`.
  Written written = Written::Whole;
};

/// Largest UDP payload for a client: min(max(512, its size), 1232), 512 without EDNS. RFC 6891
/// §6.2.5, RFC 9715.
[[nodiscard]] size_t udp_limit(const Edns& edns);

/// Writes the reply to `asker` into `into`, which has room for kMaxUdpSize octets or the asker's
/// own limit. Sets id, opcode, QR, RD and CD from the asker, RA as `content` says (0 on FORMERR and
/// NOTIMP, as Unbound and BIND), AD only if the asker set AD or DO (RFC 6840 §5.8), AA=0, Z=0; the
/// question as asked; the records with aged TTLs; an OPT iff the asker's query had one (RFC 6891
/// §7), version 0, with DO echoed and the asker's options.
///
/// Above the limit: TC=1, no records, OPT kept. A 12-bit rcode without OPT becomes
/// SERVFAIL.
[[nodiscard]] Reply compose_reply(ByteSpan into, const Asker& asker,
                                  const Content& content) noexcept;

}  // namespace dns
