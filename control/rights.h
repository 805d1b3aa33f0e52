// What is given up once everything is open: capabilities, and system calls that only an intruder
// would make. Every thread gives its own up, since the kernel keeps them for each thread.
//
// One thing remains to be done after that, by the control thread: taking the XDP program off an
// interface at the end. What that needs it sets aside, permitted but not in effect.
#pragma once

#include <initializer_list>
#include <string>

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
enum class Capability : unsigned { NetAdmin = 12, SysAdmin = 21, Bpf = 39 };

/// For the control thread: keeps of its capabilities only those of `kept` that it has, and none of
/// them in effect.
[[nodiscard]] Confined set_rights_aside(std::initializer_list<Capability> kept);
/// Brings what was set aside into effect again.
void take_rights_back();

}  // namespace control
