// A port's link, as it was when last looked at. Drivers are asked by the control thread alone.
#pragma once

#include <atomic>
#include <string>

#include "dataplane/poll/port.h"

namespace control {

class Link {
 public:
  /// `port` outlives it.
  explicit Link(const poll::Port& port) : port_(port) {}

  /// Whether it has changed.
  bool look() {
    const bool up = port_.link_is_up();
    return up_.exchange(up) != up;
  }
  /// Any thread.
  [[nodiscard]] bool up() const { return up_; }
  [[nodiscard]] const std::string& port() const { return port_.name(); }

 private:
  const poll::Port& port_;
  std::atomic<bool> up_{true};
};

}  // namespace control
