// What dotline tells its operator: one line per fact, on stderr. Under systemd each line starts
// with its priority (sd-daemon's `<4>`), elsewhere with the time. Whatever a line contains, it
// stays one line of printable text.
//
// Nobody who has something to say waits for whoever reads it (log_writer.h).
#pragma once

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "control/config/config.h"
#include "control/log/log_writer.h"
#include "control/process/rights.h"

namespace control {

/// Any thread may write.
class Log {
 public:
  enum class Front : uint8_t { Time, Priority };

  Log(spdlog::sink_ptr sink, LogLevel least, Front front);
  /// To a file that need not be able to take anything.
  Log(std::shared_ptr<LogWriter> writer, LogLevel least, Front front);
  /// Asks the environment (JOURNAL_STREAM) who reads.
  static Log to_stderr(LogLevel least);

  void write(LogLevel level, std::string_view line);
  /// From now on a thread writes, after `begin` has run on it, whose word this returns. Once.
  Confined start_thread(const std::function<Confined()>& begin);
  /// Says what has not fitted, once somebody reads again. The control thread, about once a second.
  void tell_losses(base::Time now);
  /// Lines that nobody will read.
  [[nodiscard]] uint64_t lost() const;
  /// For how long nobody has taken the line whose turn it is; nothing if none waits.
  [[nodiscard]] base::Duration unread_for(base::Time now) const;
  /// From now on.
  void set_least(LogLevel least);
  /// Whether lines of this level are written at all.
  [[nodiscard]] bool takes(LogLevel level) const;

 private:
  std::shared_ptr<LogWriter> writer_;  // Nullptr: a sink of somebody else's.
  std::shared_ptr<spdlog::logger> logger_;
  uint64_t lost_told_ = 0;
  std::optional<base::Time> unread_since_;  // Of losses that have not been told.
};

}  // namespace control
