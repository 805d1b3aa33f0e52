#include "control/log/paced_log.h"

namespace control {

void PacedLog::write(LogLevel level, std::string_view subject_name, std::string_view line,
                     base::Time now) {
  if (!log_.takes(level))
    return;  // What nobody reads must not use up the lines of what somebody does.
  const std::lock_guard lock(mutex_);
  Subject& subject = subject_of(subject_name, now);
  if (now - subject.since >= kWindow) {
    release(subject);
    subject = {.since = now};
  }
  if (subject.written < kLinesInWindow) {
    ++subject.written;
    log_.write(level, line);
    return;
  }
  ++subject.held;
  subject.last = line;
  subject.last_level = level;
}

void PacedLog::flush(base::Time now) {
  const std::lock_guard lock(mutex_);
  sweep(now);
}

PacedLog::Subject& PacedLog::subject_of(std::string_view name, base::Time now) {
  const auto known = subjects_.find(name);
  if (known != subjects_.end()) return known->second;
  if (subjects_.size() >= kMaxSubjects) sweep(now);
  const std::string_view key = subjects_.size() >= kMaxSubjects ? "" : name;
  return subjects_.try_emplace(std::string(key), Subject{.since = now}).first->second;
}

void PacedLog::release(Subject& subject) {
  if (subject.held == 0) return;
  std::string line = subject.last;
  if (subject.held > 1) {
    line += " (" + std::to_string(subject.held) + " more in the last " +
            std::to_string(kWindow.count()) + " s)";
  }
  log_.write(subject.last_level, line);
  subject.held = 0;
}

void PacedLog::sweep(base::Time now) {
  for (auto at = subjects_.begin(); at != subjects_.end();) {
    if (now - at->second.since < kWindow) {
      ++at;
      continue;
    }
    release(at->second);
    at = subjects_.erase(at);
  }
}

}  // namespace control
