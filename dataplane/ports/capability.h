// Which of the rights a port needs this process has not got, by the names that an operator knows
// from capabilities(7).
#pragma once

#include <initializer_list>
#include <string>

namespace ports {

enum class Capability : unsigned { NetAdmin = 12, NetRaw = 13, IpcLock = 14, SysAdmin = 21 };

/// "CAP_NET_ADMIN, CAP_SYS_ADMIN"; empty if all of `needed` are effective now.
[[nodiscard]] std::string missing_capabilities(std::initializer_list<Capability> needed);

}  // namespace ports
