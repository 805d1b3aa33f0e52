// A map of dnsdist's YAML as parameters, each by the name that Lua has for it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/draft/parameters.h"
#include "control/yaml/yaml_tree.h"

namespace control {

/// "lazyHealthCheckMode" is "health_checks.lazy.mode".
struct YamlName {
  std::string_view name;
  std::string_view path;
};

[[nodiscard]] Value value_of(const YamlNode& node);

/// The node at `path` below `node`, or nullptr.
[[nodiscard]] const YamlNode* node_at(const YamlNode& node, std::string_view path);

class YamlParameters : public Parameters {
 public:
  /// `subject`: what `map` is in messages; empty for the whole file. `map` has to outlive it. What
  /// is not among `names` goes by its path.
  YamlParameters(Draft& draft, const YamlNode& map, std::string subject,
                 std::span<const YamlName> names);

 protected:
  [[nodiscard]] Value get(const std::string& key) override;
  [[nodiscard]] std::vector<std::string> keys() override;
  [[nodiscard]] unsigned line_of(const std::string& key) const override;
  [[nodiscard]] std::string spoken(const std::string& key) const override;

 private:
  [[nodiscard]] std::string path_of(const std::string& key) const;
  void add_keys(const YamlNode& node, const std::string& path, std::vector<std::string>& keys);

  const YamlNode& map_;
  std::string subject_;
  std::span<const YamlName> names_;
};

}  // namespace control
