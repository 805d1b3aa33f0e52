// A server of dnsdist's, in Lua or in YAML, as a backend in the draft.
#pragma once

#include <optional>
#include <string>

#include "control/draft/parameters.h"

namespace control {

/// What Lua is told by `tls` and `dohPath`, YAML by `protocol`; nothing: by the parameters.
using ServerProtocol = std::optional<DraftServer::Protocol>;

/// The server at `address` with all that `given` says about it: its index in the draft. Nothing if
/// there are too many, which is told.
[[nodiscard]] std::optional<size_t> add_server(const std::string& what, const std::string& address,
                                               ServerProtocol protocol, Parameters& given);

enum class ServerNumber { Order, Weight, QueriesPerSecond };

/// Changes one of its numbers later on.
void set_number(Draft& draft, unsigned line, DraftServer& server, ServerNumber number,
                int64_t value);

}  // namespace control
