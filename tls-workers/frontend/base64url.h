// Base64 for URLs, as far as RFC 8484 §4.1 needs it: RFC 4648 §5 without padding. Every sequence of
// octets has one spelling only, and no other is taken.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace frontend {

/// The octets that `text` stands for. Nothing if it has a character outside of the alphabet (so
/// also `=`, `+`, `/` and `%`), a length that no octets have, or bits set behind the last octet.
[[nodiscard]] std::optional<std::vector<std::byte>> decode_base64url(std::string_view text);

}  // namespace frontend
