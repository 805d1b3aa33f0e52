// One mapping of the file, read setting by setting. Whatever is asked for becomes a known key; what
// is left over at the end is an error. A setting that is absent or wrong leaves its target as it
// was, which is the default.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/yaml/errors.h"
#include "control/yaml/yaml_tree.h"

namespace control {

struct Range {
  uint64_t least = 0;
  uint64_t most = 0;
};

/// The readers of single values. `name` is what errors call the setting.
[[nodiscard]] std::optional<uint64_t> read_number(const YamlNode& node, std::string_view name,
                                                  Range range, ConfigErrors& errors);
/// A scalar of visible ASCII. Without one, complains that `expected` was.
[[nodiscard]] std::optional<std::string> read_text(const YamlNode& node, std::string_view name,
                                                   std::string_view expected, ConfigErrors& errors);

/// "`name`: `value`", fit for a line: the front of an error about a value.
[[nodiscard]] std::string quote(std::string_view name, std::string_view value);

template <typename Value>
using Choice = std::pair<std::string_view, Value>;

class Section {
 public:
  /// `name`: the names from the root, joined with dots; empty for the root. `node`: nullptr where
  /// the file has no such section.
  Section(const YamlNode* node, std::string name, ConfigErrors& errors);

  /// The place of the value of `key`, or the section's.
  [[nodiscard]] Place place_of(std::string_view key) const;
  /// Whether `key` is there at all, be its value good or not.
  [[nodiscard]] bool has(std::string_view key) const;
  /// A section inside.
  [[nodiscard]] Section inner(std::string_view key);

  /// Complains that something is missing here.
  void lacks(const std::string& text);
  /// Complains if `key` is absent.
  void require(std::string_view key, std::string_view expected);
  /// "`key`: `its value` `fault`", at the value.
  void refuse(std::string_view key, std::string_view fault);
  void warn(std::string_view key, std::string_view oddity);
  /// The same form; not an error, but something is off because of it.
  void turn_off(std::string_view key, std::string_view fault);

  template <typename Number>
  void number(std::string_view key, Number& target, Range range) {
    const YamlNode* node = find(key);
    if (node == nullptr) return;
    const std::optional<uint64_t> value = read_number(*node, key, range, errors_);
    if (value) target = static_cast<Number>(*value);
  }
  void milliseconds(std::string_view key, std::chrono::milliseconds& target, Range range);
  /// "1.25": how many times its share one may have; 0 for any.
  void factor(std::string_view key, double& target);
  void flag(std::string_view key, bool& target);
  [[nodiscard]] std::optional<std::string> text(std::string_view key, std::string_view expected);
  /// The same, for what may hold a password: its value stands in no message.
  [[nodiscard]] std::optional<std::string> secret_text(std::string_view key,
                                                       std::string_view expected);
  /// A name of a cache, pool or backend.
  void label(std::string_view key, std::string& target);
  /// The same, or "".
  void label_or_empty(std::string_view key, std::string& target);
  /// At most `most` items; nullopt if there is no such list.
  [[nodiscard]] std::optional<std::span<const YamlNode>> list(std::string_view key, size_t most);
  /// The same, but absent and empty are errors: "no `what` is given".
  [[nodiscard]] std::span<const YamlNode> filled_list(std::string_view key, size_t most,
                                                      std::string_view what);

  template <typename Value, size_t kSize>
  void choice(std::string_view key, Value& target, const Choice<Value> (&choices)[kSize]) {
    std::string expected = kSize > 1 ? "one of" : "";
    for (const auto& [name, value] : choices) {
      expected += (expected.empty() ? "`" : " `") + std::string(name) + "`";
    }
    const std::optional<std::string> given = text(key, expected);
    if (!given) return;
    for (const auto& [name, value] : choices) {
      if (name != *given) continue;
      target = value;
      return;
    }
    refuse(key, "is unknown, expected " + expected);
  }

  /// Complains about every key that was not asked for. Called once, at the end.
  void refuse_unknown();

 private:
  [[nodiscard]] const YamlNode* find(std::string_view key);
  void refuse_duplicates();

  std::string name_;
  ConfigErrors& errors_;
  const YamlNode* node_ =
      nullptr;  // A map. nullptr where there is none, which is as good as an empty one.
  Place place_{1, 1};
  bool is_mistaken_ =
      false;  // Something else stands where the section should: complained about, once is enough.
  std::vector<std::string_view> known_;
};

}  // namespace control
