// Whether a port serves, and what it has been through: what every report shows of it.
#pragma once

#include <cstdint>
#include <string>

namespace control {

struct PortCondition {
  std::string why;             // It cannot serve; empty: it does.
  bool link = true;            // Of the device, as it was when last looked at.
  uint64_t reopened = 0;       // Times that it was opened anew.
  uint64_t programs_back = 0;  // Times that its XDP program was attached again.

  [[nodiscard]] bool serves() const { return why.empty(); }
};

}  // namespace control
