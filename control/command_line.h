// The words after `dotline`: what they mean, what goes to which stream, and the exit codes
// scripts rely on.
#pragma once

#include <functional>

#include "control/config/config.h"

namespace control {

/// 0: done; 1: a fault while running, or what is printed cannot be written; 2: a bad configuration,
/// or a command line that makes no sense; 3: done, but not all is well: the dotline whose status
/// was asked for is not healthy, or parts of what was loaded are off. `run` gets a configuration
/// without errors and returns 0 or 1.
int command_line(int argc, const char* const* argv, const std::function<int(const Config&)>& run);

}  // namespace control
