#include "control/process/service_manager.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "control/text/escape.h"

namespace control {
namespace {

/// A socket at whose other end the manager listens (sd_notify(3)); -1 if there is none.
int connect_to_manager() {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr) return -1;
  const size_t size = std::string_view(path).copy(address.sun_path, sizeof address.sun_path);
  const bool is_abstract = address.sun_path[0] == '@';
  if (is_abstract) address.sun_path[0] = '\0';
  const int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (made < 0) return -1;
  // Zeros behind the name would be part of an abstract one.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  if (connect(made, reinterpret_cast<const sockaddr*>(&address), length) == 0) return made;
  close(made);
  return -1;
}

}  // namespace

ServiceManager::ServiceManager()
    : has_watchdog_(sd_watchdog_enabled(0, nullptr) > 0), socket_(connect_to_manager()) {}

ServiceManager::~ServiceManager() {
  if (socket_ >= 0) close(socket_);
}

/// sd_notify(3) waits for room. With a manager that cannot be reached it fails at once.
bool ServiceManager::has_room() const {
  pollfd writable{.fd = socket_, .events = POLLOUT, .revents = 0};
  return socket_ < 0 || ::poll(&writable, 1, 0) != 0;
}

/// A later state takes the place of an earlier one that could not be told.
void ServiceManager::change_state(std::string state) {
  state_ = std::move(state);
  tell_state();
}

void ServiceManager::tell_state() {
  if (state_.empty() || !has_room()) return;
  sd_notify(0, state_.c_str());
  state_.clear();
}

void ServiceManager::ready() { change_state("READY=1"); }

void ServiceManager::reloading() {
  // The time lets systemd tell this reload from an earlier one. CLOCK_MONOTONIC, which is what
  // steady_clock reads.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  change_state("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us));
}

void ServiceManager::stopping() { change_state("STOPPING=1"); }

void ServiceManager::tick(Threads threads, const std::string& status) {
  tell_state();
  if (has_watchdog_ && threads == Threads::AllMove && has_room()) sd_notify(0, "WATCHDOG=1");
  if (status == status_ || !has_room()) return;
  status_ = status;
  sd_notify(0, ("STATUS=" + one_line(status)).c_str());
}

}  // namespace control
