// Whether answers can be got: what /healthz says of the resolvers. That a backend is out of
// rotation is not enough to deny it, since with all of a pool out all are tried.
#pragma once

#include <string>

#include "control/status/collect_status.h"

namespace control {

/// Why not, in one line; empty if answers can be had from every pool that an address leads to: some
/// backend of it answers, or has not been shown not to. A pool that only domains lead to does not
/// count: an address announced by /healthz would be gone for all names because of some.
[[nodiscard]] std::string out_of_reach(const StatusSources& sources, base::Time now);

}  // namespace control
