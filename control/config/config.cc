#include "control/config/config.h"

#include <algorithm>

#include "control/config/check.h"
#include "control/config/reader.h"
#include "control/text/regular_file.h"
#include "control/yaml/errors.h"
#include "control/yaml/yaml_tree.h"

namespace control {
namespace {

/// Without a backend to ask there is nothing to serve.
bool can_ask_nobody(const Config& config) {
  const auto cannot = [&](const backends::BackendSettings& backend) {
    return std::ranges::any_of(config.file_faults, [&](const FileFault& fault) {
      return fault.kind == FileFault::Kind::CaStore && fault.backend == backend.name &&
             !fault.path.empty();
    });
  };
  return std::ranges::all_of(config.backends, cannot);
}

}  // namespace

base::Result<Config, std::vector<ConfigError>> parse_config(const std::string& text,
                                                            const std::string& file,
                                                            const Machine& machine) {
  ConfigErrors errors(file);
  const std::optional<YamlNode> root = parse_yaml(text, errors);
  if (!root) return base::fail(errors.errors());
  Config config = read_tree(*root, machine, errors);
  config.file = file;
  check_config(config, machine, *root, errors);
  if (!errors.empty() || can_ask_nobody(config)) return base::fail(errors.errors());
  for (const ConfigError& off : errors.off()) config.off.push_back(off.message());
  for (const ConfigError& warning : errors.warnings()) config.warnings.push_back(warning.message());
  return config;
}

base::Result<Config, std::vector<ConfigError>> read_config(const std::string& path,
                                                           const Machine& machine) {
  const base::Result<std::string, std::string> text = read_regular_file(path, kMaxConfigBytes);
  if (!text) return base::fail(std::vector{ConfigError{path, 0, 0, text.error()}});
  return parse_config(*text, path, machine);
}

}  // namespace control
