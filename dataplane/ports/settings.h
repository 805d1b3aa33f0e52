// What the poll side is told at start. Control fills it from the configuration; nothing here
// changes while cores run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/address.h"

namespace ports {

enum class DeviceKind : uint8_t { AfXdp, AfPacket, Pci, Vdev };
enum class Hugepages : uint8_t { Auto, Require, Off };
/// Where the frames that are not ours go. `Kernel` is what af_xdp and af_packet give; `Tap` hands
/// them to the kernel through a TAP; `None` drops them.
enum class Exception : uint8_t { Kernel, Tap, None };

struct PortSettings {
  DeviceKind kind{};
  std::string target;  // Interface, PCI address, or raw devargs, as `kind` says.
  std::string device;  // As the operator wrote it: the port's name in logs and metrics.
  uint16_t queues = 1;
  uint16_t vlan = 0;  // Expected 802.1Q id, 0: untagged.
  bool verify_checksum = true;
  Exception exception = Exception::Kernel;
  std::string tap;  // The TAP's name, if `exception` is Tap.

  friend bool operator==(const PortSettings&, const PortSettings&) = default;
};

struct EalSettings {
  std::vector<unsigned>
      cores;  // CPUs that poll, one lcore each. Lcore i+1 polls on cores[i]; lcore 0 is control.
  unsigned memory_megabytes = 512;
  Hugepages hugepages = Hugepages::Auto;
  std::vector<PortSettings> ports;
  std::vector<base::Endpoint> binds;  // What the XDP program may redirect to us.
};

inline constexpr unsigned kMaxCores = 64;
inline constexpr unsigned kMaxBinds = 64;

}  // namespace ports
