// A network interface of the kernel's, as far as a port has to know it before taking it over.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "dataplane/base/result.h"

namespace poll {

/// What may change while a port has it. Reading it takes no rights and few system calls.
struct InterfaceState {
  std::string name;
  unsigned index = 0;    // Of its network namespace; a new interface of an old name has another.
  bool up = false;       // As the operator wants it.
  bool carrier = false;  // Somebody is at the other end.
  unsigned mtu = 0;
  std::array<std::byte, 6> mac{};
};

struct Interface : InterfaceState {
  unsigned receive_queues = 1;  // Those in use now.
  unsigned combined = 1;  // Channels that send and receive; a driver that has none counts as one.
  unsigned hashed_queues = 1;  // 1 + the highest queue that receive hashing spreads frames to.
  bool has_bus =
      false;  // A real or emulated device, not one made of software (veth, bridge, dummy).
};

/// Asks the kernel, in this thread's network namespace. Fails with "no such interface" or the
/// kernel's reason.
[[nodiscard]] base::Result<Interface, std::string> find_interface(const std::string& name);
/// The same, of what may change.
[[nodiscard]] base::Result<InterfaceState, std::string> look_at_interface(const std::string& name);
[[nodiscard]] base::Result<InterfaceState, std::string> look_at_interface(unsigned index);

}  // namespace poll
