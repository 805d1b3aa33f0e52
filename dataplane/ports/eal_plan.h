// What EAL is to be told, worked out from the settings and from what the machine has: a pure
// function, so that every rule (which CPUs, hugepages or not, which buses) is tested without
// starting anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/memory_left.h"
#include "dataplane/base/result.h"
#include "dataplane/ports/settings.h"

namespace ports {

/// Hugepages of one size that are neither taken nor reserved.
struct FreeHugepages {
  uint64_t page_kilobytes = 0;
  uint64_t pages = 0;
  uint64_t denied = 0;  // Of those, what was tried and is not to be had: a cgroup may limit us.
};

struct Machine {
  std::vector<unsigned> cpus;  // Those that this process may run on.
  std::vector<FreeHugepages> hugepages;
  std::optional<base::MemoryLeft> left;  // Of what is no hugepages.
  unsigned other_megabytes = 0;          // What of that the process will take besides.
  bool address_space_is_limited = false;
};

struct EalPlan {
  std::vector<std::string> arguments;  // For rte_eal_init, the program's name first.
  std::vector<unsigned> control_cpus;
  bool hugepages = false;
  unsigned memory_megabytes = 0;
  std::vector<std::string> notes;  // What is other than was asked for, and why.
};

/// With less than that not even one queue has its packet buffers.
inline constexpr unsigned kLeastMegabytes = 32;

/// Reads this process's affinity, /sys/kernel/mm/hugepages and its limits, and tries whether as
/// many hugepages as `settings` want can be had: a limit of a cgroup's shows only then.
[[nodiscard]] Machine survey_machine(const EalSettings& settings);

/// `instance` tells this process from every other on the machine. Fails with a sentence for the
/// operator.
[[nodiscard]] base::Result<EalPlan, std::string> plan_eal(const EalSettings& settings,
                                                          const Machine& machine,
                                                          unsigned instance);

/// The name EAL knows the `index`-th port by.
[[nodiscard]] std::string device_name(const PortSettings& port, unsigned index);

}  // namespace ports
