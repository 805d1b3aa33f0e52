// What the running program can be told over its control socket: {"command": ...} on a line, and a
// line back, {"ok": true, ...} or {"ok": false, "error": "..."}. docs/commands.md lists both.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/reload/reloaded.h"
#include "control/status/status.h"
#include "dataplane/base/result.h"
#include "dataplane/cache/cache.h"
#include "tls-workers/backends/rotation.h"

namespace control {

struct AskStatus {};
struct Reload {};
struct FlushCache {
  std::optional<std::string> cache;  // None: all of them.
  cache::Selection selection;
};
struct SetBackend {
  std::string name;
  backends::Rotation::Override word{};
};
using Command = std::variant<AskStatus, Reload, FlushCache, SetBackend>;

/// Reads a line, untrusted. Fails with a sentence on what is not JSON or nested too deeply, on
/// unknown commands and members, on missing ones and on those of another type.
[[nodiscard]] base::Result<Command, std::string> parse_command(std::string_view line);

/// Does what the commands say. Called on the control thread.
class Commanded {
 public:
  virtual ~Commanded() = default;
  virtual Status status() = 0;
  virtual base::Result<Reloaded, Lines> reload() = 0;
  /// How many answers went. Fails if there is no such cache.
  virtual base::Result<uint64_t, std::string> flush(const FlushCache& what) = 0;
  /// Fails if there is no such backend.
  virtual base::Result<void, std::string> set_backend(const SetBackend& what) = 0;
};

/// Reads `line`, has it done, and says what came of it. Never throws.
[[nodiscard]] std::string answer_command(std::string_view line, Commanded& commanded);

/// {"ok": false, "error": why}
[[nodiscard]] std::string refusal_line(const std::string& why);

}  // namespace control
