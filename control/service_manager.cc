#include "control/service_manager.h"

#include <systemd/sd-daemon.h>

#include <chrono>

#include "control/text/escape.h"

namespace control {

ServiceManager::ServiceManager() : has_watchdog_(sd_watchdog_enabled(0, nullptr) > 0) {}

void ServiceManager::ready() { sd_notify(0, "READY=1"); }

void ServiceManager::reloading() {
  // The time lets systemd tell this reload from an earlier one. CLOCK_MONOTONIC, which is what
  // steady_clock reads.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", static_cast<long long>(now_us));
}

void ServiceManager::stopping() { sd_notify(0, "STOPPING=1"); }

void ServiceManager::tick(Threads threads, const std::string& status) {
  if (has_watchdog_ && threads == Threads::AllMove) sd_notify(0, "WATCHDOG=1");
  if (status == status_) return;
  status_ = status;
  sd_notify(0, ("STATUS=" + one_line(status)).c_str());
}

}  // namespace control
