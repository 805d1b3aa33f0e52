// What EAL is to be told, worked out from the settings and from what the machine has: a pure
// function, so that every rule (which CPUs, hugepages or not, which buses) is tested without
// starting anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/poll/settings.h"

namespace poll {

/// Hugepages of one size that nobody has taken or reserved.
struct FreeHugepages {
  uint64_t page_kilobytes = 0;
  uint64_t pages = 0;
};

struct Machine {
  std::vector<unsigned> cpus;  // Those that this process may run on.
  std::vector<FreeHugepages> hugepages;
};

struct EalPlan {
  std::vector<std::string> arguments;  // For rte_eal_init, the program's name first.
  std::vector<unsigned> control_cpus;
  bool hugepages = false;
};

/// Reads this process's affinity and /sys/kernel/mm/hugepages.
[[nodiscard]] Machine survey_machine();

/// `instance` tells this process from every other on the machine. Fails with a sentence for the
/// operator.
[[nodiscard]] base::Result<EalPlan, std::string> plan_eal(const EalSettings& settings,
                                                          const Machine& machine,
                                                          unsigned instance);

/// The name EAL knows the `index`-th port by.
[[nodiscard]] std::string device_name(const PortSettings& port, unsigned index);

}  // namespace poll
