// What dotline's configuration has, but this version does not do yet. Refused by name, so that
// nobody runs without what he asked for. A version that learns one deletes its line.
#pragma once

#include <array>
#include <string_view>

namespace control {

struct UnsupportedSetting {
  std::string_view section;  // Names from the root, joined with dots.
  std::string_view key;
  std::string_view value;  // Empty: the whole setting.
};

inline constexpr std::array kUnsupported = {
    UnsupportedSetting{"binds", "protocol", "DoH"},
};

/// Whether the whole setting is one of those.
[[nodiscard]] constexpr bool is_unsupported(std::string_view section, std::string_view key) {
  for (const UnsupportedSetting& setting : kUnsupported) {
    if (setting.section == section && setting.key == key && setting.value.empty()) return true;
  }
  return false;
}

/// Whether this value of a setting is.
[[nodiscard]] constexpr bool is_unsupported(std::string_view section, std::string_view key,
                                            std::string_view value) {
  for (const UnsupportedSetting& setting : kUnsupported) {
    if (setting.section != section || setting.key != key || setting.value.empty()) continue;
    if (setting.value == value) return true;
  }
  return false;
}

}  // namespace control
