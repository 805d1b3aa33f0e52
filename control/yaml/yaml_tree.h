// A YAML document as a tree in which every node knows its place, duplicate keys are kept, and
// nothing is shared: anchors, aliases and tags are refused, so what is read is as large as what was
// written.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace control {

class ConfigErrors;

/// Where in the file, counted from 1. {0, 0}: the file as a whole.
struct Place {
  unsigned line = 0;
  unsigned column = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct YamlNode {
  /// `Refused` stands where an alias or a tagged value was: already complained about, not read.
  enum class Kind : uint8_t { Null, Scalar, List, Map, Refused };
  enum class Style : uint8_t { Plain, Quoted };

  Kind kind = Kind::Null;
  Place place;
  std::string text;  // Of a scalar.
  Style style = Style::Plain;
  std::string key;  // Of a map's child.
  Place key_place;
  std::vector<YamlNode> children;  // In the order of the file.

  /// A map's first child called `name`, or nullptr.
  [[nodiscard]] const YamlNode* find(std::string_view name) const;
};

/// The one document in `text`, a map. What is wrong with it goes to `errors`; nullopt if that
/// leaves nothing to read.
[[nodiscard]] std::optional<YamlNode> parse_yaml(const std::string& text, ConfigErrors& errors);

}  // namespace control
