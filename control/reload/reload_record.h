// How changes of the configuration went at run time.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace control {

/// Written by the control thread; any thread may read.
class ReloadRecord {
 public:
  using Date = std::chrono::system_clock::time_point;

  struct Report {
    Date loaded;             // The configuration in force.
    uint64_t succeeded = 0;  // Reloads.
    uint64_t failed = 0;
    std::string last_error;  // Of the last reload, one line; empty if it succeeded.
  };

  explicit ReloadRecord(Date now = std::chrono::system_clock::now()) { report_.loaded = now; }

  void succeeded(Date now = std::chrono::system_clock::now()) {
    const std::lock_guard lock(mutex_);
    report_.loaded = now;
    ++report_.succeeded;
    report_.last_error.clear();
  }
  void failed(std::string why) {
    const std::lock_guard lock(mutex_);
    ++report_.failed;
    report_.last_error = std::move(why);
  }
  [[nodiscard]] Report read() const {
    const std::lock_guard lock(mutex_);
    return report_;
  }

 private:
  mutable std::mutex mutex_;
  Report report_;
};

}  // namespace control
