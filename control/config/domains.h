// The domains of all pools as the table by which cores serve.
#pragma once

#include <functional>

#include "control/config/config.h"
#include "dataplane/rules/routes.h"

namespace control {

/// `destination`: of a pool, by its index in `config.pools`.
[[nodiscard]] rules::Routes routes_of(
    const Config& config, const std::function<rules::Destination(dns::PoolId)>& destination);

}  // namespace control
