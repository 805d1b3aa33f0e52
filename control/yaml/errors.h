// Everything that is wrong with a configuration, gathered while it is read, so that one look shows
// it all.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/yaml/yaml_tree.h"

namespace control {

/// One thing wrong with the file. Lines and columns count from 1; both are 0 if the file could not
/// be read at all.
struct ConfigError {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string text;

  /// "FILE:LINE:COLUMN: text"
  [[nodiscard]] std::string message() const;
};

class ConfigErrors {
 public:
  explicit ConfigErrors(std::string file) : file_(std::move(file)) {}

  void add(Place place, std::string text);
  /// For checks that compare settings: silent where `place` already has an error, which then is the
  /// cause.
  void add_unless_known(Place place, std::string text);
  [[nodiscard]] bool has(Place place) const;
  /// Legal but odd.
  void warn(Place place, std::string text);
  /// Right as it is written, but what it names is missing or no good: a part that will be off.
  void turn_off(Place place, std::string text);

  [[nodiscard]] bool empty() const { return errors_.empty(); }
  /// By place; those of one place in the order they were found. What is off is among them.
  [[nodiscard]] std::vector<ConfigError> errors() const;
  [[nodiscard]] std::vector<ConfigError> off() const { return sorted(off_); }
  [[nodiscard]] std::vector<ConfigError> warnings() const { return sorted(warnings_); }

 private:
  static std::vector<ConfigError> sorted(std::vector<ConfigError> errors);

  std::string file_;
  std::vector<ConfigError> errors_;
  std::vector<ConfigError> off_;
  std::vector<ConfigError> warnings_;
};

/// The word among `known` that `word` was probably meant to be, or "".
[[nodiscard]] std::string_view closest(std::string_view word,
                                       std::span<const std::string_view> known);

}  // namespace control
