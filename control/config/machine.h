// What the configuration has to know about the machine it is for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/address.h"

namespace control {

struct Machine {
  std::vector<unsigned> online_cpus;  // Sorted. CPUs that exist and are on.
  std::vector<unsigned>
      allowed_cpus;  // Sorted, never empty. CPUs this process may run on (its affinity mask).
  /// Names of its interfaces, and their addresses, when it was looked at; none: not looked at.
  std::optional<std::vector<std::string>> interfaces{};
  std::optional<std::vector<base::IpAddress>> addresses{};
};

/// The machine this process runs on, with the affinity mask of the calling thread.
[[nodiscard]] Machine this_machine();

/// Looks at interfaces and addresses, which come and go.
void look_at_network(Machine& machine);

/// Whether clients could reach it now; yes if that is not known.
[[nodiscard]] bool has_address(const Machine& machine, const base::IpAddress& address);

}  // namespace control
