// What systemd is told: that we answer, that we read a new configuration, how we are, and, again
// and again, that every thread moves. When that last word stops coming, systemd ends us and starts
// anew. Without systemd (no NOTIFY_SOCKET) nothing happens here.
//
// A manager that hangs is not waited for: what it has no room for is told later, or not at all.
#pragma once

#include <string>

namespace control {

class ServiceManager {
 public:
  /// Looks once whether a watchdog waits for us (sd_watchdog_enabled(3)).
  ServiceManager();
  ~ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  void ready();
  /// Before a new configuration is read; `ready` follows.
  void reloading();
  void stopping();
  /// About once a second. `status`: a line for `systemctl status`, sent when it changes.
  enum class Threads { AllMove, SomeStand };
  void tick(Threads threads, const std::string& status);

 private:
  [[nodiscard]] bool has_room() const;
  void change_state(std::string state);
  void tell_state();

  bool has_watchdog_;
  int socket_;         // Its end is the manager's; -1 without one. Only to see whether it has room.
  std::string state_;  // Not told yet.
  std::string status_;  // As it was told last.
};

}  // namespace control
