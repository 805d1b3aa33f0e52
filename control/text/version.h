// Which versions of what run here.
#pragma once

#include <string>

namespace control {

struct Version {
  std::string dotline;
  std::string dpdk;
  std::string openssl;
};

/// The libraries' are those linked at run time, not those compiled against.
[[nodiscard]] Version version();

}  // namespace control
