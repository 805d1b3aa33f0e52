#include "dataplane/ports/pci_device.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace ports {
namespace {

namespace fs = std::filesystem;

/// Drivers of the kernel's that only pass a device on to a program.
constexpr std::array<std::string_view, 3> kPassingOn = {"vfio-pci", "uio_pci_generic", "igb_uio"};

/// The last part of where a symbolic link leads; "" if there is none.
std::string name_behind(const fs::path& link) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  return error ? "" : target.filename().string();
}

/// "0x8086\n" → "8086".
std::string number_in(const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  file >> text;
  return text.starts_with("0x") ? text.substr(2) : text;
}

/// " (interface eth0)"; "" if the kernel has made none of the device.
std::string interface_of(const fs::path& device) {
  std::error_code error;
  const fs::directory_iterator interfaces(device / "net", error);
  if (error || interfaces == fs::directory_iterator()) return "";
  return " (interface " + interfaces->path().filename().string() + ")";
}

std::string how_to_bind(const std::string& address) {
  return "; bind it with: dpdk-devbind.py -b vfio-pci " + address;
}

/// What vfio-pci asks of the process; "" if that is all there.
std::string missing_for_vfio(const std::string& group, LockedMemory memory, const PciTree& tree) {
  const std::string file = tree.vfio + "/" + group;
  if (access(file.c_str(), R_OK | W_OK) != 0) {
    return "this process may not open " + file + "; run as root, or give the file to its user";
  }
  if (memory == LockedMemory::Limited) {
    return "all of dataplane.memory has to be locked for DMA, and this process may lock little; "
           "expected CAP_IPC_LOCK, or no limit (ulimit -l unlimited, LimitMEMLOCK=infinity)";
  }
  return "";
}

}  // namespace

std::string why_not_driven(const std::string& address, LockedMemory memory, const PciTree& tree) {
  const fs::path device = fs::path(tree.devices) / address;
  std::error_code error;
  if (!fs::exists(device, error)) {
    return "there is no such PCI device; see: dpdk-devbind.py --status-dev net";
  }
  const std::string driver = name_behind(device / "driver");
  const std::string group = name_behind(device / "iommu_group");
  const bool passed_on = std::ranges::find(kPassingOn, driver) != kPassingOn.end();
  if (group.empty() && !passed_on) {
    return "the machine has no IOMMU, or it is off, and vfio-pci takes no device without one; turn "
           "it on in the firmware (VT-d, AMD-Vi) and, for Intel's, with intel_iommu=on on the "
           "kernel's command line";
  }
  if (driver.empty()) return "no driver of the kernel's has it" + how_to_bind(address);
  if (!passed_on) {
    return "the kernel's driver " + driver + " has it" + interface_of(device) +
           how_to_bind(address);
  }
  if (driver == "vfio-pci") {
    if (std::string missing = missing_for_vfio(group, memory, tree); !missing.empty())
      return missing;
  }
  return driver +
         " has it, and DPDK makes no port of it; expected a card that DPDK has a driver for "
         "(this is " +
         number_in(device / "vendor") + ":" + number_in(device / "device") + ")";
}

}  // namespace ports
