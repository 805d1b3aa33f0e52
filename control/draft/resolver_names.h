// The names that well-known resolvers have certificates for, by their addresses. For suggestions
// only: the operator alone can say which resolver an address was meant to be.
#pragma once

#include <string_view>

#include "dataplane/base/address.h"

namespace control {

/// "" for an address that is not known.
[[nodiscard]] std::string_view known_name_of(const base::IpAddress& address);

}  // namespace control
