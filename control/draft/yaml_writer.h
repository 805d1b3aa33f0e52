// A draft as the text of a configuration: what the file said, in dotline's words, and comments
// where something has to be filled in. The same draft gives the same text.
#pragma once

#include <string>
#include <vector>

#include "control/draft/dnsdist_draft.h"

namespace control {

/// `source`: what the draft is of, for the first line.
[[nodiscard]] std::string yaml_of(const Draft& draft, const std::string& source);

/// An item of `backends`.
[[nodiscard]] std::string yaml_of(const DraftServer& server);

/// Pools that are asked and that no server is in.
[[nodiscard]] std::vector<std::string> pools_without_servers(const Draft& draft);

}  // namespace control
