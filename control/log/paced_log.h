// A log for those who may have a lot to say about one thing: a backend that flaps, a driver that
// complains about every frame. Each subject gets a few lines in ten seconds; of the rest, the last
// one is written with how many there were.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "control/log/log.h"
#include "dataplane/base/clock.h"

namespace control {

/// Any thread may write.
class PacedLog {
 public:
  static constexpr base::seconds kWindow{10};
  static constexpr unsigned kLinesInWindow = 5;
  static constexpr size_t kMaxSubjects = 1024;  // Beyond these, all others are one subject.

  /// `log` outlives this.
  explicit PacedLog(Log& log) : log_(log) {}

  /// `subject` is only what lines are counted by; it is not written.
  void write(LogLevel level, std::string_view subject, std::string_view line,
             base::Time now = base::Clock::now());

  /// Writes what was held back in windows that are over by `now`. Called about once a second, so
  /// that the last word on every subject comes out even if nothing follows it.
  void flush(base::Time now = base::Clock::now());

 private:
  struct Subject {
    base::Time since;  // Begin of the window.
    unsigned written = 0;
    uint64_t held = 0;  // Lines not written, of which `last` is the latest.
    std::string last;
    LogLevel last_level{};
  };

  Subject& subject_of(std::string_view name, base::Time now);
  void release(Subject& subject);
  void sweep(base::Time now);

  std::mutex mutex_;
  Log& log_;
  std::map<std::string, Subject, std::less<>> subjects_;
};

}  // namespace control
