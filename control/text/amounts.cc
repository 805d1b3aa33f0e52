#include "control/text/amounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace control {
namespace {

constexpr uint64_t kMinute = 60;
constexpr uint64_t kHour = 60 * kMinute;
constexpr uint64_t kDay = 24 * kHour;

uint64_t whole(double seconds) {
  return seconds < 0 ? 0 : static_cast<uint64_t>(std::min(seconds, 1e15));
}

/// Three digits at most before a unit's next one: "8.2", "12".
std::string brief(double value) {
  return value < 9.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

}  // namespace

std::string grouped(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string compact(double count) {
  constexpr std::array<std::string_view, 5> kUnits = {"", "k", "M", "G", "T"};
  size_t unit = 0;
  for (; count >= 999.5 && unit + 1 < kUnits.size(); ++unit) count /= 1000;
  if (unit == 0) return fmt::format("{:.0f}", count);
  return fmt::format("{:.{}f}{}", count, count < 99.95 ? 1 : 0, kUnits[unit]);
}

std::string span(double seconds) {
  const uint64_t all = whole(seconds);
  if (all < kMinute) return fmt::format("{} s", all);
  if (all < kHour) return fmt::format("{} min", all / kMinute);
  if (all < kDay) return fmt::format("{} h {} min", all / kHour, all % kHour / kMinute);
  return fmt::format("{} d {} h", all / kDay, all % kDay / kHour);
}

std::string short_span(double seconds) {
  const uint64_t all = whole(seconds);
  if (all < kMinute) return fmt::format("{}s", all);
  if (all < kHour) return fmt::format("{}m", all / kMinute);
  if (all < kDay) return fmt::format("{}h", all / kHour);
  return fmt::format("{}d", all / kDay);
}

std::string latency(std::optional<double> seconds) {
  if (!seconds) return "-";
  if (*seconds < 999.5e-6) return fmt::format("{:.0f}µs", *seconds * 1e6);
  if (*seconds < 0.9995) return brief(*seconds * 1e3) + "ms";
  return brief(*seconds) + "s";
}

std::string percent(double part, double whole_amount) {
  if (whole_amount <= 0) return "-";
  // What is not all is not shown as all.
  const double share = 100 * part / whole_amount;
  return fmt::format("{:.1f} %", part < whole_amount ? std::min(share, 99.9) : share);
}

std::string octets(uint64_t count) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(count);
  size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, kUnits[unit]);
}

}  // namespace control
