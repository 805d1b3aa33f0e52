// `dotline top`: looks at a running dotline once a second and shows what has happened since the
// last look, on a screen of its own or, where there is no terminal, one block after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/base/result.h"

namespace control {

/// Until `q`, Ctrl-C, SIGTERM or SIGHUP, or, if there is a `count`, for that many blocks. Fails
/// with a sentence if no dotline answers at `path`, at the start or later.
base::Result<void, std::string> show_top(const std::string& path, std::optional<uint64_t> count);

}  // namespace control
