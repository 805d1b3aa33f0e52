#include "control/log/log.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "control/text/escape.h"

namespace control {
namespace {

// A line that waits for longer has nobody who reads it.
constexpr base::Duration kUnread = base::seconds{1};

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

/// Lines to a writer, made ready by whoever says them.
class WriterSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit WriterSink(std::shared_ptr<LogWriter> writer) : writer_(std::move(writer)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_->push({line.data(), line.size()});
  }
  void flush_() override {}

 private:
  std::shared_ptr<LogWriter> writer_;
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

Log::Log(std::shared_ptr<LogWriter> writer, LogLevel least, Front front)
    : Log(std::make_shared<WriterSink>(writer), least, front) {
  writer_ = std::move(writer);
}

Log Log::to_stderr(LogLevel least) {
  const bool is_journal = std::getenv("JOURNAL_STREAM") != nullptr;
  return {std::make_shared<LogWriter>(STDERR_FILENO), least,
          is_journal ? Front::Priority : Front::Time};
}

Confined Log::start_thread(const std::function<Confined()>& begin) {
  return writer_ == nullptr ? begin() : writer_->start(begin);
}

/// Goes to the end of the queue, so about where the lines would have stood.
void Log::tell_losses(base::Time now) {
  const uint64_t lost_now = writer_ == nullptr ? 0 : writer_->losses().overflowed;
  if (lost_now == lost_told_) return;
  if (!unread_since_) unread_since_ = now - unread_for(now);
  if (unread_for(now) > kUnread) return;
  write(LogLevel::Warning,
        fmt::format("{} lines of the log are lost here: for {} s nobody took them",
                    lost_now - lost_told_,
                    std::chrono::duration_cast<base::seconds>(now - *unread_since_).count()));
  lost_told_ = lost_now;
  unread_since_.reset();
}

uint64_t Log::lost() const {
  if (writer_ == nullptr) return 0;
  const LogWriter::Losses losses = writer_->losses();
  return losses.overflowed + losses.refused;
}

base::Duration Log::unread_for(base::Time now) const {
  return writer_ == nullptr ? base::Duration{0} : writer_->waiting(now);
}

void Log::set_least(LogLevel least) { logger_->set_level(level_of(least)); }

bool Log::takes(LogLevel level) const { return logger_->should_log(level_of(level)); }

void Log::write(LogLevel level, std::string_view line) {
  if (!takes(level)) return;
  // As an argument, never as the format: the line may hold braces.
  logger_->log(level_of(level), "{}", one_line(line));
}

}  // namespace control
