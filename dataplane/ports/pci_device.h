// A PCI device, as the kernel shows it: why DPDK cannot have it, in words that an operator can act
// on. DPDK itself passes over such a device in silence.
#pragma once

#include <string>

namespace ports {

/// Where to look. Stand-ins in tests.
struct PciTree {
  std::string devices = "/sys/bus/pci/devices";
  std::string vfio = "/dev/vfio";
};

/// Whether this process may lock as much memory as it likes, as DMA needs it.
enum class LockedMemory : bool { Limited, Unlimited };

/// A sentence about `address` ("0000:03:00.0"): it is not there, no IOMMU keeps it apart, the
/// kernel has it, nothing has it, we may not open it, its memory cannot be locked, or DPDK has no
/// driver for it; and what to do.
[[nodiscard]] std::string why_not_driven(const std::string& address, LockedMemory memory,
                                         const PciTree& tree = {});

}  // namespace ports
