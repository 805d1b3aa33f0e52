// A network device, open and receiving: its queues, one mempool per queue, and what keeps the
// kernel out of the way.
//
// A port opens in the order check, probe, configure, start, admit; what fails on the way is undone
// in reverse, so that the interface is left as it was found.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"
#include "dataplane/ports/interface.h"
#include "dataplane/ports/kernel_mute.h"
#include "dataplane/ports/settings.h"
#include "dataplane/ports/xdp_program.h"

namespace ports {

/// What a device lost, counted by the device since the port opened.
struct PortStatistics {
  uint64_t missed = 0;          // Frames that found the receive ring full.
  uint64_t no_buffer = 0;       // Frames that found the mempool empty.
  uint64_t receive_errors = 0;  // Frames the device itself called broken.
  uint64_t send_errors = 0;
};

/// Move-only; destroying it stops the device, takes our XDP program off the interface and unmutes
/// the kernel. The cores that poll it have to be stopped, and every mbuf of its pools freed,
/// before.
class Port {
 public:
  /// Opens `settings` as the `index`-th port; Eal has to be running. Receive and transmit queue q
  /// belong together and to one core. Only UDP to one of `binds` is received on af_xdp; elsewhere
  /// every frame is. Fails with "port DEVICE: what, and what was expected". An interface that has
  /// just come back may get its addresses later.
  static base::Result<Port, std::string> open(
      const PortSettings& settings, const std::vector<base::Endpoint>& binds, unsigned index,
      KernelMute::Addresses addresses = KernelMute::Addresses::MustExist);

  ~Port();
  Port(Port&& other) noexcept;
  Port& operator=(Port&& other) noexcept;

  [[nodiscard]] uint16_t id() const;  // DPDK's port id, for rte_eth_rx_burst and rte_eth_tx_burst.
  [[nodiscard]] const std::string& name() const;  // The device as the operator wrote it.
  [[nodiscard]] const std::array<std::byte, 6>& mac() const;
  [[nodiscard]] uint16_t queues() const;
  [[nodiscard]] uint16_t mtu() const;
  [[nodiscard]] uint16_t vlan() const;
  [[nodiscard]] bool verify_checksum() const;
  /// The pool that queue's frames are received into, and that its core takes fresh mbufs from.
  /// Owned by the port.
  [[nodiscard]] rte_mempool* pool(uint16_t queue) const;
  /// Mbufs out of that pool now, those that wait in the device's rings for frames included.
  [[nodiscard]] unsigned pool_in_use(uint16_t queue) const;
  [[nodiscard]] PortStatistics statistics() const;
  /// Where the device is attached; nothing if that is not known, or it is no device of its own.
  [[nodiscard]] std::optional<int> numa_node() const;
  /// Asks the device; from one thread at a time. A driver that cannot tell has its link up, and
  /// those of af_xdp and af_packet cannot.
  [[nodiscard]] bool link_is_up() const;

  /// The kernel's interface as it was when the port opened; nullptr for a port without one.
  [[nodiscard]] const InterfaceState* interface() const;
  /// The XDP program of an af_xdp port; nullptr for others.
  [[nodiscard]] const XdpAttachment* program() const;
  /// The interface is called otherwise now, or has another MAC or MTU, and is still the same.
  void take(const InterfaceState& state);

 private:
  struct Device;
  explicit Port(std::unique_ptr<Device> device);

  std::unique_ptr<Device> device_;
};

}  // namespace ports
