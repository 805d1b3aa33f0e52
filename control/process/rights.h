// What is given up once everything is open: capabilities, and system calls that only an intruder
// would make. Every thread gives its own up, since the kernel keeps them for each thread.
//
// Some things remain to be done after that, by the control thread: opening a port anew whose
// interface was away, putting an XDP program back, taking it off at the end. What that needs it
// sets aside, permitted but not in effect.
#pragma once

#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace control {

using Confined = base::Result<void, std::string>;

/// For the control thread, when every port is open and before it starts another thread: no new
/// privileges, no core dumps, and a seccomp filter, on every thread there is and will be. Fails
/// with a sentence if the kernel cannot do it.
[[nodiscard]] Confined confine_process();

/// For a thread that needs no rights: gives up all of its capabilities, for good.
[[nodiscard]] Confined give_up_rights();

/// The same, and a filter on top of the process's: no sockets but UNIX ones, no bpf, no ptrace, and
/// files only to be read. For poll cores, the exception path and threads of libraries.
[[nodiscard]] Confined confine_helper();

/// Capabilities as linux/capability.h numbers them.
enum class Capability : unsigned {
  NetBindService = 10,
  NetAdmin = 12,
  NetRaw = 13,
  IpcLock = 14,
  SysAdmin = 21,
  Bpf = 39
};

/// For the control thread: keeps of its capabilities only those of `kept` that it has, and none of
/// them in effect.
[[nodiscard]] Confined set_rights_aside(const std::vector<Capability>& kept);
/// Brings what was set aside into effect again.
void take_rights_back();
/// The other way: what is in effect stays permitted and is in effect no more.
void put_rights_aside();

/// What was set aside is in effect as long as this lives. No thread is made meanwhile.
class RightsInEffect {
 public:
  RightsInEffect() { take_rights_back(); }
  ~RightsInEffect() { put_rights_aside(); }
  RightsInEffect(const RightsInEffect&) = delete;
  RightsInEffect& operator=(const RightsInEffect&) = delete;
};

}  // namespace control
