// Names and types as people write them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/dns/protocol.h"

namespace control {

/// "a.example." or "a.example" in wire form, its case kept; "." and "" are the root. Nothing if it
/// has an octet other than a letter, digit, hyphen or underscore, or is too long for a name.
[[nodiscard]] std::optional<std::vector<std::byte>> wire_form(std::string_view name);

/// "AAAA", "aaaa" or "TYPE28" (RFC 3597 §5). Nothing if it is none that a question may have: 0 and
/// OPT are not.
[[nodiscard]] std::optional<dns::Type> parse_type(std::string_view text);

}  // namespace control
