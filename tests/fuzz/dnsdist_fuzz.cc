// A dnsdist configuration, with little memory and time: it must end, say the same twice, and what
// it gives must be YAML that the configuration's reader has nothing to say about but values.
#include <string>
#include <string_view>

#include "control/config/config.h"
#include "control/import/import_dnsdist.h"
#include "tests/fuzz/invariant.h"

namespace {

using fuzz::require;

constexpr size_t kMostOctets = 4096;
constexpr control::LuaSandbox::Limits kLimits{.memory_octets = size_t{1} << 20, .steps = 100'000};

/// What no text of the file's may bring about: another structure than the writer's.
void require_known_structure(const std::string& yaml) {
  const auto config = control::parse_config(yaml, "fuzz.yaml", {{0, 1}, {0, 1}});
  if (config) return;
  for (const control::ConfigError& error : config.error()) {
    require(error.line != 0, "each error has its place");
    // "`NAME`: unknown setting": NAME is what stands between the first two backticks.
    const std::string_view rest = std::string_view(error.text).substr(error.text.find('`', 1) + 1);
    require(!rest.starts_with(": unknown setting"), "each setting is known");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > kMostOctets) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const control::DnsdistImport first = control::import_dnsdist(text, "fuzz.conf", kLimits);
  require(first.fault.has_value() == first.yaml.empty(), "a fault, or a configuration");
  if (first.fault) return 0;
  require_known_structure(first.yaml);
  return 0;
}
