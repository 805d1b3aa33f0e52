// Status as one line of JSON, and back. docs/commands.md lists what is in it; names are added,
// not changed.
#pragma once

#include <string>
#include <string_view>

#include "control/status/status.h"
#include "dataplane/base/result.h"

namespace control {

/// Without the end of the line. What is not UTF-8 in a text is replaced by U+FFFD.
[[nodiscard]] std::string status_json(const Status& status);

/// What is missing, as from another version, stays as it is in an empty Status. Fails, saying why,
/// if `json` is no such object or a value has another type.
[[nodiscard]] base::Result<Status, std::string> parse_status(std::string_view json);

}  // namespace control
