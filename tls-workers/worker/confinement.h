// What a worker's thread may ask of the kernel. A worker speaks TLS over TCP and does nothing else
// with networks, and a seccomp filter holds it to that: DNS in the clear cannot leave it even by
// mistake, because there is no socket that it could leave from.
//
// The filter names what is denied. Memory, files, time and waiting stay as they are, so that no
// library is broken by an unforeseen system call.
#pragma once

#include <string>

#include "dataplane/base/result.h"

namespace worker {

/// Makes the filter, while there is memory; else the first `confine_worker` does.
void prepare_confinement();

/// Confines the calling thread, and what it starts, for the rest of its life; also sets
/// no_new_privs. What is denied fails with EPERM, and the kernel's audit log names it. Fails with a
/// sentence if the kernel cannot do it.
[[nodiscard]] base::Result<void, std::string> confine_worker();

}  // namespace worker
