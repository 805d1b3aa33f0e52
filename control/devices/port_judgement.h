// What is to be done about an open port, given what the kernel says of its interface. Pure; ports.h
// asks the kernel and does it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/ports/interface.h"
#include "dataplane/ports/settings.h"
#include "dataplane/ports/xdp_program.h"

namespace control {

struct PortSight {
  ports::DeviceKind kind{};
  ports::InterfaceState had;                 // The port's interface when it was last looked at,
  std::optional<ports::InterfaceState> now;  // and now; nothing if there is none of its index.
  std::optional<unsigned> namesake;          // The index of what has the configured name now.
  ports::XdpAttachment::Place program = ports::XdpAttachment::Place::Attached;
  // Since the last look, if only for a moment:
  bool was_gone = false;
  bool was_down = false;
};

enum class PortStep : uint8_t { Keep, AttachProgram, OpenAnew };

struct PortJudgement {
  PortStep step = PortStep::Keep;
  std::string why;  // It cannot serve as it is; empty: it does.
};

[[nodiscard]] PortJudgement judge(const PortSight& sight);

/// "it is called eth7 now, and was eth0; ..." Empty: nothing has changed that is worth a line.
[[nodiscard]] std::string changes_of(const ports::InterfaceState& before,
                                     const ports::InterfaceState& after);

}  // namespace control
