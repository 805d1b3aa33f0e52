// The domains of all pools as the table by which cores serve.
#pragma once

#include <functional>

#include "control/config/config.h"
#include "dataplane/poll/routes.h"

namespace control {

/// `destination`: of a pool, by its index in `config.pools`.
[[nodiscard]] poll::Routes routes_of(
    const Config& config, const std::function<poll::Destination(dns::PoolId)>& destination);

}  // namespace control
