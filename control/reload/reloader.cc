#include "control/reload/reloader.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "control/config/fixed_settings.h"
#include "control/config/named_files.h"
#include "control/reload/changes.h"

namespace control {
namespace {

// How often it is looked whether what is off can be on.
constexpr base::Duration kLookAgain = base::seconds{5};

}  // namespace

base::Result<Reloaded, Lines> Reloader::from_file() {
  on_.manager.reloading();
  base::Result<Reloaded, Lines> done = read_and_take_up();
  on_.manager.ready();
  const std::string& file = on_.in_force.file;
  if (done) {
    on_.record.succeeded();
    on_.log.write(LogLevel::Info, fmt::format("{}: reloaded", file));
    return done;
  }
  on_.record.failed(done.error().front());
  for (const std::string& error : done.error()) on_.log.write(LogLevel::Error, error);
  on_.log.write(LogLevel::Error, fmt::format("{}: not reloaded, what was in force stays so", file));
  return done;
}

base::Result<Reloaded, Lines> Reloader::read_and_take_up() {
  look_at_network(on_.machine);
  base::Result<Config, std::vector<ConfigError>> next = read_config(on_.in_force.file, on_.machine);
  if (next && next->strict_start && !next->off.empty()) return base::fail(std::move(next->off));
  if (next) return take_up(std::move(*next));
  Lines errors;
  for (const ConfigError& error : next.error()) errors.push_back(error.message());
  return base::fail(std::move(errors));
}

/// All of `next` but what needs a restart, or nothing.
base::Result<Reloaded, Lines> Reloader::take_up(Config next) {
  const base::Result<Lines, std::string> kept = keep_fixed_settings(on_.in_force, next);
  if (!kept) return base::fail(Lines{kept.error()});
  keep_former_files(on_.in_force, next);
  if (const auto done = on_.topology.reload(next, on_.workers); !done)
    return base::fail(Lines{done.error()});

  Lines lines = changes_between(on_.in_force, next);
  for (const std::string& line : lines) on_.log.write(LogLevel::Info, line);
  for (const std::string& line : next.warnings) on_.log.write(LogLevel::Warning, line);
  for (const std::string& line : *kept) on_.log.write(LogLevel::Warning, line);
  lines.insert(lines.end(), kept->begin(), kept->end());
  if (lines.empty()) lines.emplace_back("nothing has changed");
  on_.in_force = std::move(next);
  on_.log.set_least(on_.in_force.log_level);
  on_.reminders = Reminders(on_.in_force.backends, base::Clock::now());
  Lines still_off = in_force_();
  for (const std::string& line : still_off) on_.log.write(LogLevel::Error, line);
  return Reloaded{std::move(lines), std::move(still_off)};
}

void Reloader::look_again(base::Time now) {
  if (now < look_again_at_) return;
  look_again_at_ = now + kLookAgain;
  if (parts_off(on_.in_force).empty()) return;
  Config next = on_.in_force;
  if (!control::look_again(next, std::chrono::system_clock::now())) return;
  if (const auto done = on_.topology.reload(next, on_.workers); !done)
    return on_.paced_log.write(LogLevel::Error, "files", done.error());
  on_.in_force = std::move(next);
  const Lines still_off = in_force_();
  on_.log.write(LogLevel::Info, "what could not be used before can be now, and is");
  for (const std::string& line : still_off) on_.log.write(LogLevel::Error, line);
}

}  // namespace control
