// One question to a running dotline over its control socket, and what it answers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/commands/control_client.h"
#include "control/status/status.h"

namespace control {

/// The object that answers `request`. Fails with all that is wrong, as the other side puts it, or
/// with what is wrong with the other side.
[[nodiscard]] base::Result<nlohmann::ordered_json, std::vector<std::string>> ask(
    ControlClient& client, const nlohmann::ordered_json& request);

/// Its status, as the JSON it sent, and read.
[[nodiscard]] base::Result<std::string, std::string> ask_status_json(ControlClient& client);
[[nodiscard]] base::Result<Status, std::string> ask_status(ControlClient& client);

}  // namespace control
