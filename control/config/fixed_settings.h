// The settings that only a restart changes: devices, cores, threads, and the addresses that are
// listened on.
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"
#include "dataplane/base/result.h"

namespace control {

/// Puts what only a restart changes back to what `running` has, and tells what that was: one line
/// for each setting. An address that `next` does not have any more goes on answering from its pool;
/// fails if there is no pool of that name any more.
[[nodiscard]] base::Result<std::vector<std::string>, std::string> keep_fixed_settings(
    const Config& running, Config& next);

}  // namespace control
