#include "control/devices/port_judgement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace control {
namespace {

using Place = ports::XdpAttachment::Place;

std::string text_of(const std::array<std::byte, 6>& mac) {
  std::vector<std::string> octets;
  for (const std::byte octet : mac)
    octets.push_back(fmt::format("{:02x}", static_cast<unsigned>(octet)));
  return fmt::format("{}", fmt::join(octets, ":"));
}

}  // namespace

PortJudgement judge(const PortSight& sight) {
  // Sockets are bound to an interface and not to its name. One that has left, even for another
  // network namespace and back, has cut them off.
  if (!sight.now || sight.was_gone) return {PortStep::OpenAnew, "the interface is gone"};
  if (sight.namesake && *sight.namesake != sight.now->index)
    return {PortStep::OpenAnew, fmt::format("another interface is called {} now", sight.had.name)};
  // A packet socket that has been down fails once afterwards, and the reply of that moment waits
  // for the next one.
  const bool down = !sight.now->up;
  if (sight.kind == ports::DeviceKind::AfPacket && (down || sight.was_down))
    return {PortStep::OpenAnew, "the interface is down"};
  if (down) return {PortStep::Keep, "the interface is down"};
  switch (sight.program) {
    case Place::Attached:
      break;
    case Place::TakenOff:
      return {PortStep::AttachProgram, "its XDP program was taken off"};
    case Place::Replaced:
      return {PortStep::Keep,
              fmt::format("another XDP program has its place; if nobody needs it, take it off "
                          "with: ip link set dev {} xdp off",
                          sight.now->name)};
  }
  if (!sight.now->carrier) return {PortStep::Keep, "the link is down"};
  return {};
}

std::string changes_of(const ports::InterfaceState& before, const ports::InterfaceState& after) {
  std::vector<std::string> changes;
  if (before.name != after.name) {
    changes.push_back(
        fmt::format("it is called {} now, and was {}: the port serves on, a restart would look for "
                    "the name in the configuration",
                    after.name, before.name));
  }
  if (before.mac != after.mac) {
    changes.push_back(fmt::format("its MAC address is {} now, and was {}", text_of(after.mac),
                                  text_of(before.mac)));
  }
  if (before.mtu != after.mtu)
    changes.push_back(fmt::format("its MTU is {} now, and was {}", after.mtu, before.mtu));
  return fmt::format("{}", fmt::join(changes, "; "));
}

}  // namespace control
