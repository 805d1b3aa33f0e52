#include "control/commands/served_commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "control/text/escape.h"
#include "dataplane/base/clock.h"

namespace control {
namespace {

/// "backend one: held down by the operator's word".
std::string line_of(const SetBackend& what) {
  const auto done = [&] {
    switch (what.word) {
      case backends::Rotation::Override::Up:
        return "held up";
      case backends::Rotation::Override::Down:
        return "held down";
      case backends::Rotation::Override::Auto:
        break;
    }
    return "left to its health checks";
  };
  return fmt::format("backend {}: {} by the operator's word", what.name, done());
}

/// "there is no cache `b`, expected one of `a`".
template <typename Names>
std::string no_such(const char* kind, const std::string& name, const Names& names) {
  return fmt::format("there is no {} `{}`, expected one of `{}`", kind, escaped(name, 63),
                     fmt::join(names, "`, `"));
}

}  // namespace

base::Result<uint64_t, std::string> ServedCommands::flush(const FlushCache& what) {
  uint64_t flushed = 0;
  bool found = !what.cache;
  std::vector<std::string> names;
  for (const Topology::NumberedCache& numbered : on_.topology.caches()) {
    names.push_back(numbered.cache->name());
    if (what.cache && *what.cache != names.back()) continue;
    found = true;
    flushed += numbered.cache->flush(what.selection, on_.topology.reclaim());
  }
  if (!found) return base::fail(no_such("cache", *what.cache, names));
  // A client that asks for a name again wants it asked for, even if it failed the last time.
  for (const auto& worker : on_.workers) worker->forget_failures();
  on_.log.write(LogLevel::Info, fmt::format("{} answers flushed from {}", flushed,
                                            what.cache ? "cache " + *what.cache : "all caches"));
  return flushed;
}

base::Result<void, std::string> ServedCommands::set_backend(const SetBackend& what) {
  std::vector<std::string> names;
  for (const questions::Configuration::Backend& backend : on_.topology.backends()) {
    names.push_back(backend.settings.name);
    if (what.name != names.back()) continue;
    (void)backend.shared->rotation.set_override(what.word, base::Clock::now());
    on_.log.write(LogLevel::Info, line_of(what));
    return {};
  }
  return base::fail(no_such("backend", what.name, names));
}

}  // namespace control
