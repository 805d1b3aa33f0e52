#include "control/process/watchdog.h"

#include <algorithm>
#include <utility>

namespace control {

void Watchdog::watch(std::string who, const base::Counter& turns) {
  heartbeats_.push_back(std::make_unique<Heartbeat>(std::move(who), turns));
}

void Watchdog::look() {
  for (const auto& heartbeat : heartbeats_) heartbeat->look();
}

void Watchdog::tell(ServiceManager& manager, const std::string& status) const {
  const auto stands = [](const auto& heartbeat) { return !heartbeat->moving(); };
  const auto standing = std::ranges::find_if(heartbeats_, stands);
  if (standing != heartbeats_.end())
    return manager.tick(ServiceManager::Threads::SomeStand, (*standing)->who() + " does not move");
  manager.tick(ServiceManager::Threads::AllMove, status);
}

std::vector<std::string> Watchdog::standing(base::Time now) const {
  std::vector<std::string> lines;
  if (!own_.is_felt(now)) lines.emplace_back("the control thread does not move");
  for (const auto& heartbeat : heartbeats_) {
    if (!heartbeat->moving()) lines.push_back(heartbeat->who() + " does not move");
  }
  return lines;
}

}  // namespace control
