// One picture of `dotline top`: what is going on now, not what was since the start.
#pragma once

#include <string>

#include "control/commands/rates.h"
#include "control/status/status.h"
#include "control/text/text_table.h"

namespace control {

/// `rates`: those that led to `status`; nullopt, and "-" for each, before there are two looks.
[[nodiscard]] std::string top_text(const Status& status, const std::optional<Rates>& rates,
                                   const TextStyle& style);

}  // namespace control
