// A network interface of the kernel's, as far as a port has to know it before taking it over.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace ports {

/// What may change while a port has it. Reading it takes no rights and few system calls.
struct InterfaceState {
  std::string name;
  unsigned index = 0;     // Of its network namespace; a new interface of an old name has another.
  uint16_t hardware = 0;  // ARPHRD_ETHER, ...
  bool up = false;        // As the operator wants it.
  bool carrier = false;   // There is a peer at the other end.
  unsigned mtu = 0;
  std::array<std::byte, 6> mac{};
};

struct Interface : InterfaceState {
  unsigned receive_queues = 1;  // Those in use now.
  unsigned combined = 1;  // Channels that send and receive; a driver that has none counts as one.
  // Channels that do only one of the two.
  unsigned only_receive = 0;
  unsigned only_send = 0;
  unsigned hashed_queues = 1;  // 1 + the highest queue that receive hashing spreads frames to.
  bool strips_tags = false;    // Takes the VLAN tag off (rx-vlan-offload).
  bool has_bus =
      false;  // A real or emulated device, not one made of software (veth, bridge, dummy).
};

/// Asks the kernel, in this thread's network namespace. Fails with "no such interface" or the
/// kernel's reason.
[[nodiscard]] base::Result<Interface, std::string> find_interface(const std::string& name);
/// Why frames of `interface` cannot be DNS over Ethernet, and what to do; empty if they can.
[[nodiscard]] std::string why_no_ethernet(const InterfaceState& interface);
/// Ids of the VLAN interfaces that the kernel has on it.
[[nodiscard]] std::vector<unsigned> vlans_on(const std::string& interface);

/// An XDP program does not see a VLAN tag that was taken off before it, either by the NIC or, on an
/// interface made of software, by a sender that leaves it to a NIC.
struct TagAdvice {
  enum class Kind : uint8_t { Tell, Warn, Refuse };
  Kind kind = Kind::Tell;
  std::string text;  // Empty: nothing is to be said.
};
/// For a port that expects `vlan`, on an interface that the kernel has `vlans` on.
[[nodiscard]] TagAdvice advise_on_tags(const Interface& interface, unsigned vlan,
                                       const std::vector<unsigned>& vlans);

/// The same, of what may change.
[[nodiscard]] base::Result<InterfaceState, std::string> look_at_interface(const std::string& name);
[[nodiscard]] base::Result<InterfaceState, std::string> look_at_interface(unsigned index);

}  // namespace ports
