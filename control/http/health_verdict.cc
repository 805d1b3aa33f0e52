#include "control/http/health_verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace control {

std::string HealthReport::why() const { return fmt::format("{}", fmt::join(reasons, "; ")); }

HealthReport verdict_on(std::vector<Finding> findings) {
  std::ranges::stable_sort(findings, {}, &Finding::trouble);
  HealthReport report;
  for (Finding& finding : findings) {
    auto& told = is_grave(finding.trouble) ? report.reasons : report.notes;
    told.push_back(std::move(finding.text));
  }
  return report;
}

}  // namespace control
