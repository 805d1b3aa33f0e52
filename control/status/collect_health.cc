#include "control/status/collect_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "control/status/reach.h"

namespace control {
namespace {

// How long the log may wait for its reader before that is reported.
constexpr base::Duration kUnreadLog = base::seconds{5};

}  // namespace

HealthReport collect_health(const HealthSources& health, const StatusSources& status,
                            base::Time now) {
  std::vector<Finding> findings;
  for (std::string& line : health.watchdog.standing(now))
    findings.push_back({Trouble::ThreadStands, std::move(line)});
  for (std::string& trouble : health.ports.troubles())
    findings.push_back({Trouble::PortDoesNotServe, std::move(trouble)});
  const bool any_bind = std::ranges::any_of(status.counters->binds, &MetricsSources::Bind::up);
  if (!any_bind && !health.over_udp) findings.push_back({Trouble::NoAnswers, "no bind is up"});
  if (std::string why = out_of_reach(status, now); !why.empty())
    findings.push_back({Trouble::NoAnswers, std::move(why)});
  if (std::string why = health.drops.why(); !why.empty())
    findings.push_back({Trouble::MostIsDropped, std::move(why)});
  if (const base::Duration unread = health.log.unread_for(now); unread >= kUnreadLog) {
    findings.push_back({Trouble::LogIsStuck,
                        fmt::format("nobody has read the log for {} s",
                                    std::chrono::duration_cast<base::seconds>(unread).count())});
  }
  return verdict_on(std::move(findings));
}

DropWatch::Counts counts_of_drops(const MetricsSources& sources) {
  DropWatch::Counts counts;
  for (const rules::ClientCounters* clients : sources.clients()) {
    counts.replies += clients->replies.total();
    for (size_t i = 0; i < counts.dropped.size(); ++i)
      counts.dropped[i] += clients->dropped[rules::Drop(i)].read();
  }
  return counts;
}

}  // namespace control
