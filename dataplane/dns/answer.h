// A resolver's answer, read once from untrusted bytes, and what of it is kept: the records without
// the OPT, in the wire form that follows the question, with the places of their TTLs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/dns/protocol.h"
#include "dataplane/dns/question.h"

namespace dns {

using base::Result;

/// What is wrong with a message that should have been an answer.
enum class AnswerFault : uint8_t {
  Malformed,      // Does not parse: counts, names, lengths, two OPTs, QR=0, another opcode.
  WrongQuestion,  // Parses, but answers something else than was asked. RFC 7766 §7, RFC 5452 §9.1.
  Truncated,      // TC=1 on a stream, where there is room for everything: useless.
};

/// The most TTLs that a message can hold: each record takes at least 11 octets.
inline constexpr size_t kMaxRecords = kMaxMessage / (1 + kRecordFixed);

/// Room for the places of TTLs; too big for a stack frame, so the reader of answers owns one.
struct TtlPlaces {
  std::unique_ptr<uint16_t[]> at = std::make_unique<uint16_t[]>(kMaxRecords);
};

/// One resolver's answer to one question. Borrows from the message and the TtlPlaces it was read
/// with.
struct Answer {
  Rcode rcode{};               // All twelve bits.
  bool authenticated = false;  // AD
  uint16_t answers = 0;        // Counts of what `records` holds, by section.
  uint16_t authorities = 0;
  uint16_t additionals = 0;  // Without the OPT.
  /// Every record before the OPT, as on the wire. What follows an OPT (TSIG, at best) is dropped:
  /// its compression pointers would have to move.
  ByteView records;
  std::span<const uint16_t> ttl_places;  // Offsets into `records` of each 4-octet TTL, in order.
  /// Over all records kept; bit 31 counts as a very large TTL (RFC 8767 §4). 0 if there are none.
  uint32_t min_ttl = 0;
  bool has_asked_type = false;  // In the answer section; any record there will do for ANY.
  bool has_soa = false;         // An SOA in the authority section ...
  uint32_t negative_ttl = 0;    // ... and min(its TTL, its MINIMUM). RFC 2308 §5.
  uint16_t soa_ttl_index = 0;   // Which of `ttl_places` is that SOA's.
  /// An extended error says that the zone's signatures do not hold, RFC 8914 §4.7 to §4.13.
  bool bogus = false;
  Ede ede = Ede::None;  // The first extended error's code, without its text. RFC 8914 §2.
  uint16_t keepalive = kNoKeepalive;  // RFC 7828 TIMEOUT in units of 100 ms, if the OPT had one.

  static constexpr uint16_t kNoKeepalive = 0xFFFF;
};

/// Id of a message, for looking up what it answers before it is parsed. Nothing if there is no
/// header.
[[nodiscard]] std::optional<uint16_t> message_id(ByteView message);

/// The one question that a response repeats, as it would be asked with `wants` of `pool`; nothing
/// if there is not exactly one, or it does not parse.
[[nodiscard]] std::optional<Question> question_in(ByteView message, Wants wants, PoolId pool);

/// Reads `message` (a whole DNS message without its length prefix) as the answer to `asked`. Every
/// name, count and RDLENGTH is checked, and the form of the RDATA whose names may be compressed;
/// other RDATA stays opaque (RFC 3597). Compression is never rewritten, because the records keep
/// their place relative to the message's start; no name may run through a TTL, which changes. An
/// error (but not NXDOMAIN) may come without the question; none of its records are kept then. Bytes
/// after the last record are ignored.
[[nodiscard]] Result<Answer, AnswerFault> parse_answer(ByteView message, const Question& asked,
                                                       TtlPlaces& places) noexcept;

/// Operator's limits on how long answers are kept; contract: `packet_caches`.
struct LifetimeLimits {
  uint32_t max_ttl = 86400;
  uint32_t min_ttl = 0;  // Answers that live shorter are not kept at all; they are not raised.
  uint32_t max_negative_ttl = 3600;
  uint32_t temporary_failure_ttl = 5;  // RFC 9520 §3.2: 1..300

  friend bool operator==(const LifetimeLimits&, const LifetimeLimits&) = default;
};

/// For how many seconds `answer` may be kept; 0 means not at all. Positive: its smallest TTL.
/// NXDOMAIN and NODATA: the negative TTL or a smaller one of its records, nothing without an SOA
/// (RFC 2308 §5), except that aliases leading to no data live on their own TTLs. Failures:
/// temporary_failure_ttl, whatever `min_ttl` says (RFC 9520). YXDOMAIN: 0.
[[nodiscard]] uint32_t lifetime(const Answer& answer, const LifetimeLimits& limits);

/// The TTL to keep at `ttl_places[index]`: capped by `max_ttl`, bit 31 counting as very large, and
/// an SOA that makes an answer negative by its MINIMUM (RFC 2308 §5) and `max_negative_ttl` too.
[[nodiscard]] uint32_t kept_ttl(const Answer& answer, size_t index, const LifetimeLimits& limits);

}  // namespace dns
