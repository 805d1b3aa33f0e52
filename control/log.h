// What dotline tells its operator: one line per fact, on stderr. Under systemd each line starts
// with its priority (sd-daemon's `<4>`), elsewhere with the time. Whatever a line contains, it
// stays one line of printable text.
#pragma once

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <memory>
#include <string_view>

#include "control/config/config.h"

namespace control {

/// Any thread may write.
class Log {
 public:
  enum class Front : uint8_t { Time, Priority };

  Log(spdlog::sink_ptr sink, LogLevel least, Front front);
  /// Asks the environment (JOURNAL_STREAM) who reads.
  static Log to_stderr(LogLevel least);

  void write(LogLevel level, std::string_view line);
  /// From now on.
  void set_least(LogLevel least);
  /// Whether lines of this level are written at all.
  [[nodiscard]] bool takes(LogLevel level) const;

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace control
