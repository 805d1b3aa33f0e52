// The query sent to a resolver: built from scratch, so that nothing of a client's bytes but the
// question and DO/CD goes on.
#pragma once

#include "dataplane/base/bytes.h"
#include "dataplane/dns/protocol.h"
#include "dataplane/dns/question.h"

namespace dns {

enum class Keepalive : uint8_t {
  Leave,
  Ask  // An empty edns-tcp-keepalive option, RFC 7828 §3.2.1.
};

/// The largest query: header, question, OPT with keepalive and padding, rounded up to the block.
/// 384 octets.
inline constexpr size_t kMaxUpstreamQuery = 384;

/// Writes the query for `question` into `into` (at least kMaxUpstreamQuery octets): RD=1, AD=1 (so
/// that the answer tells whether it is authenticated, RFC 6840 §5.7), CD and DO as wanted, the
/// lower-cased name, and an OPT padded so that the whole message is a multiple of 128 octets (RFC
/// 8467 §4.1). Returns its size.
[[nodiscard]] size_t build_upstream_query(base::ByteSpan into, const Question& question,
                                          uint16_t id, Keepalive keepalive);

}  // namespace dns
