// What the configuration has to know about the machine it is for.
#pragma once

#include <vector>

namespace control {

struct Machine {
  std::vector<unsigned> online_cpus;  // Sorted. CPUs that exist and are on.
  std::vector<unsigned>
      allowed_cpus;  // Sorted, never empty. CPUs this process may run on (its affinity mask).
};

/// The machine this process runs on, with the affinity mask of the calling thread.
[[nodiscard]] Machine this_machine();

}  // namespace control
