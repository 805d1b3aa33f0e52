// What the process will take for itself, besides packet buffers and answers: known before anything
// of it is taken, so that a limit is met by a sentence.
#pragma once

#include <string>

#include "control/config/config.h"

namespace control {

/// About how many megabytes; docs/cpus-and-memory.md has them one by one.
[[nodiscard]] unsigned other_megabytes(const Config& config);

/// ", and its memory cgroup (...) leaves 12 MB"; empty if no limit is known.
[[nodiscard]] std::string memory_left();

}  // namespace control
