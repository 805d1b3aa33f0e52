// Names in wire form: reading the one in a question, and stepping over those in records.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/dns/protocol.h"

namespace dns {

using base::ByteView;
using base::Reader;

/// A lower-cased, uncompressed name of 1-255 octets: the part of a question that identifies it. RFC
/// 4343 §3.
class Name {
 public:
  Name() = default;
  /// `wire`: a whole uncompressed name, at most 255 octets, already checked by
  /// `read_question_name`.
  explicit Name(ByteView wire);

  [[nodiscard]] ByteView wire() const { return {octets_.data(), size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  friend bool operator==(const Name& a, const Name& b);

 private:
  uint8_t size_ = 0;
  std::array<std::byte, kMaxName> octets_;  // Only the first `size_` are ever written or read.
};

/// Takes the name of a question off `reader`: labels of at most 63 octets, 255 in all, no
/// compression. RFC 9267 §2 tells why a pointer has no place there. Fails the reader, and returns
/// an empty view, on anything else.
[[nodiscard]] ByteView read_question_name(Reader& reader);

/// A name of 255 octets has at most 127 labels, so more pointers than that are there to cost time.
inline constexpr size_t kMaxPointers = 127;

/// What all names of one message share: the work that pointers may cause, and the octets no pointer
/// may lead to.
struct NameWalk {
  /// Pointers followed and labels read behind them. Four times the largest message: thousands of
  /// records named like a question of 34 labels (a reverse IPv6 name) pass, records that all run
  /// through 127 labels do not.
  size_t steps_left = 4 * kMaxMessage;
  /// Ascending positions of 4-octet TTLs. A name that runs through one would turn into another one
  /// as the TTL ages.
  std::span<const uint16_t> ttls;
};

/// Steps over a possibly compressed name that starts at `at` in `message`. Every pointer must lead
/// to labels that lie wholly before those it was found behind, and not in the header, so a walk
/// ends; the name it spells may not exceed 255 octets. RFC 1035 §4.1.4. Returns the position after
/// the name, nothing if it is malformed or `walk` forbids it.
[[nodiscard]] std::optional<size_t> skip_name(ByteView message, size_t at, NameWalk& walk);
/// The same for a name on its own.
[[nodiscard]] std::optional<size_t> skip_name(ByteView message, size_t at);

/// Compares two names octet by octet, ASCII case aside. RFC 4343.
[[nodiscard]] bool equal_ignoring_case(ByteView a, ByteView b);

/// Writes the lower-cased `wire` to `into`, which holds at least as many octets.
void lower_case(ByteView wire, std::byte* into);

}  // namespace dns
