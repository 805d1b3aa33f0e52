// Text from outside (file contents, names from certificates, messages of libraries) made fit for a
// line of a log.
#pragma once

#include <string>
#include <string_view>

namespace control {

/// `text` with every octet that is not visible ASCII or a space as \DDD (RFC 1035 §5.1), the
/// backslash included, so that the original can be told; at most `limit` octets of it, then "...".
[[nodiscard]] std::string escaped(std::string_view text, size_t limit = 255);

/// A whole line: control characters and what is not UTF-8 as \DDD, everything else as it is.
[[nodiscard]] std::string one_line(std::string_view line);

}  // namespace control
