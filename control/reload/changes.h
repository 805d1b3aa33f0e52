// What is different between two configurations, setting by setting, in the words of the file. Each
// setting that a reload can change stands in a table beside the member that holds it.
#pragma once

#include <string>
#include <vector>

#include "control/config/config.h"

namespace control {

/// What is different in `after`, one line for each thing; empty if nothing is. Settings that only a
/// restart changes are the same in both, addresses of binds among them.
[[nodiscard]] std::vector<std::string> changes_between(const Config& before, const Config& after);

}  // namespace control
