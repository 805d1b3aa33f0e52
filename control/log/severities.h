// How grave the lines of others are: of EAL and its drivers, and of TLS workers.
#pragma once

#include "control/config/config.h"
#include "dataplane/ports/eal.h"
#include "tls-workers/worker/worker.h"

namespace control {

[[nodiscard]] inline LogLevel level_of(ports::LogLevel level) {
  switch (level) {
    case ports::LogLevel::Debug:
      return LogLevel::Debug;
    case ports::LogLevel::Info:
      return LogLevel::Info;
    case ports::LogLevel::Warning:
      return LogLevel::Warning;
    case ports::LogLevel::Error:
      break;
  }
  return LogLevel::Error;
}

[[nodiscard]] inline LogLevel level_of(worker::Severity severity) {
  switch (severity) {
    case worker::Severity::Info:
      return LogLevel::Info;
    case worker::Severity::Warning:
      return LogLevel::Warning;
    case worker::Severity::Error:
      break;
  }
  return LogLevel::Error;
}

}  // namespace control
