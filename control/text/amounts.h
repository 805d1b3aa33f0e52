// Numbers for people: short, with their unit, and no more exact than they are of use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace control {

/// "1,234,567"
[[nodiscard]] std::string grouped(uint64_t count);
/// For columns: "999", "41.2k", "1.5M".
[[nodiscard]] std::string compact(double count);
/// "12 s", "3 min", "5 h 12 min", "61 d 3 h". Less than nothing is nothing.
[[nodiscard]] std::string span(double seconds);
/// For columns: "12s", "3m", "5h", "61d".
[[nodiscard]] std::string short_span(double seconds);
/// "850µs", "8.2ms", "12ms", "1.2s"; "-" for nothing.
[[nodiscard]] std::string latency(std::optional<double> seconds);
/// "97.3 %"; "-" of nothing.
[[nodiscard]] std::string percent(double part, double whole);
/// "512 B", "48.0 MB", in powers of 1000.
[[nodiscard]] std::string octets(uint64_t count);

}  // namespace control
