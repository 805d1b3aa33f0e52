// What a reload tells about two configurations.
#pragma once

#include <string>
#include <vector>

#include "control/config/fixed_settings.h"
#include "control/reload/changes.h"

namespace control {

inline std::vector<std::string> lines_between(const Config& before, Config after) {
  const auto kept = keep_fixed_settings(before, after);
  if (!kept) return {kept.error()};
  std::vector<std::string> lines = changes_between(before, after);
  lines.insert(lines.end(), kept->begin(), kept->end());
  return lines;
}

}  // namespace control
