// A dnsdist configuration, with little memory and time: it must end, say the same twice, and what
// it gives must be YAML that the configuration's reader has nothing to say about but values.
#include <string>

#include "control/config.h"
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
    require(error.text.find("unknown setting") == std::string::npos, "each setting is known");
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
