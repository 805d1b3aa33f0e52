// `dotline status`: what is going on, for people.
#pragma once

#include <string>

#include "control/status/status.h"
#include "control/text/text_table.h"

namespace control {

/// Several lines, each with its end. What is wrong comes first.
[[nodiscard]] std::string status_text(const Status& status, const TextStyle& style);

/// The problems as a list, for that and for `dotline top`; empty if there are none.
[[nodiscard]] std::string problem_lines(const Status& status, const TextStyle& style);

}  // namespace control
