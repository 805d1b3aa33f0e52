// A network interface of the kernel's, as far as a port has to know it before taking it over.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/base/result.h"

namespace poll {

struct Interface {
  std::string name;
  unsigned index = 0;
  bool up = false;
  unsigned mtu = 0;
  unsigned receive_queues = 1;  // Those in use now.
  unsigned combined = 1;  // Channels that send and receive; a driver that has none counts as one.
  unsigned hashed_queues = 1;  // 1 + the highest queue that receive hashing spreads frames to.
  bool has_bus =
      false;  // A real or emulated device, not one made of software (veth, bridge, dummy).
};

/// Asks the kernel, in this thread's network namespace. Fails with "no such interface" or the
/// kernel's reason.
[[nodiscard]] base::Result<Interface, std::string> find_interface(const std::string& name);

}  // namespace poll
