// Names in wire form: reading the one in a question, and stepping over those in records.
#pragma once

#include <array>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/dns/protocol.h"

namespace dns {

using base::ByteView;
using base::Reader;

/// A lower-cased, uncompressed name of 1-255 octets: the part of a question that identifies it. RFC 4343 §3.
class Name {
 public:
  Name() = default;
  /// `wire`: a whole uncompressed name, at most 255 octets, already checked by `read_question_name`.
  explicit Name(ByteView wire);

  [[nodiscard]] ByteView wire() const { return {octets_.data(), size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  friend bool operator==(const Name& a, const Name& b);

 private:
  uint8_t size_ = 0;
  std::array<std::byte, kMaxName> octets_;  // Only the first `size_` are ever written or read.
};

/// Takes the name of a question off `reader`: labels of at most 63 octets, 255 in all, no compression. RFC 9267 §2 tells
/// why a pointer has no place there. Fails the reader, and returns an empty view, on anything else.
[[nodiscard]] ByteView read_question_name(Reader& reader);

/// Steps over a possibly compressed name that starts at `at` in `message`. Every pointer must point to before the name
/// or pointer it was found in, so a walk ends; the name it spells may not exceed 255 octets. RFC 1035 §4.1.4.
/// Returns the position after the name, nothing if it is malformed.
[[nodiscard]] std::optional<size_t> skip_name(ByteView message, size_t at);

/// Compares two names octet by octet, ASCII case aside. RFC 4343.
[[nodiscard]] bool equal_ignoring_case(ByteView a, ByteView b);

/// Writes the lower-cased `wire` to `into`, which holds at least as many octets.
void lower_case(ByteView wire, std::byte* into);

}  // namespace dns
