#include "control/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "control/text/escape.h"

namespace control {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Error:
      break;
  }
  return spdlog::level::err;
}

/// "<6>", as sd-daemon(3) has it: the numbers are syslog's.
class PriorityFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& to) override {
    std::string_view priority = "<3>";
    if (message.level == spdlog::level::warn) priority = "<4>";
    if (message.level == spdlog::level::info) priority = "<6>";
    if (message.level == spdlog::level::debug) priority = "<7>";
    to.append(priority.data(), priority.data() + priority.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<PriorityFlag>();
  }
};

}  // namespace

Log::Log(spdlog::sink_ptr sink, LogLevel least, Front front)
    : logger_(std::make_shared<spdlog::logger>("dotline", std::move(sink))) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<PriorityFlag>('*').set_pattern(
      front == Front::Priority ? "%*%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
  logger_->set_formatter(std::move(formatter));
  logger_->set_level(level_of(least));
  logger_->flush_on(spdlog::level::trace);
  // A log that cannot be written to is nothing that a line in it could report.
  logger_->set_error_handler([](const std::string&) {});
}

Log Log::to_stderr(LogLevel least) {
  const bool is_journal = std::getenv("JOURNAL_STREAM") != nullptr;
  return {std::make_shared<spdlog::sinks::stderr_sink_mt>(), least,
          is_journal ? Front::Priority : Front::Time};
}

void Log::set_least(LogLevel least) { logger_->set_level(level_of(least)); }

bool Log::takes(LogLevel level) const { return logger_->should_log(level_of(level)); }

void Log::write(LogLevel level, std::string_view line) {
  if (!takes(level)) return;
  // As an argument, never as the format: the line may hold braces.
  logger_->log(level_of(level), "{}", one_line(line));
}

}  // namespace control
