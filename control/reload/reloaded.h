// What came of a reload, in words.
#pragma once

#include <string>
#include <vector>

namespace control {

/// A list of what was done, or of what is wrong; in words.
using Lines = std::vector<std::string>;

struct Reloaded {
  Lines lines;  // What has changed, and what needs a restart.
  Lines off;    // What is configured and not in effect.
};

}  // namespace control
