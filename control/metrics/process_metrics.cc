#include "control/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace control {
namespace {

/// The fields of /proc/self/stat that follow the program's name, which may hold anything; [0] is
/// field 3 of proc(5).
std::vector<std::string> fields_after_name() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::vector<std::string> fields;
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return fields;
  size_t at = name_end + 2;
  while (at < line.size()) {
    const size_t end = std::min(line.find(' ', at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return fields;
}

/// When the machine booted, in seconds since 1970.
std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

std::optional<uint64_t> open_descriptors() {
  std::error_code error;
  uint64_t count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++count;
  }
  if (error || count == 0) return std::nullopt;
  return count - 1;  // Without the one that reads the folder.
}

}  // namespace

void add_process_metrics(FamilyList& families) {
  constexpr size_t kUserTicks = 14 - 3, kSystemTicks = 15 - 3, kStartTicks = 22 - 3,
                   kVirtualBytes = 23 - 3, kResidentPages = 24 - 3;
  const std::vector<std::string> fields = fields_after_name();
  if (fields.size() > kResidentPages) {
    const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    const auto number = [&](size_t field) { return std::strtod(fields[field].c_str(), nullptr); };
    families.counter("process_cpu_seconds_total", "User and system CPU time spent.",
                     (number(kUserTicks) + number(kSystemTicks)) / ticks_per_second);
    families.gauge("process_virtual_memory_bytes", "Virtual memory size.", number(kVirtualBytes));
    families.gauge("process_resident_memory_bytes", "Resident memory size, without hugepages.",
                   number(kResidentPages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    const std::optional<double> boot = boot_time();
    if (boot) {
      families.gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.",
                     *boot + number(kStartTicks) / ticks_per_second);
    }
  }
  const std::optional<uint64_t> open = open_descriptors();
  if (open) families.gauge("process_open_fds", "Open file descriptors.", *open);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families.gauge("process_max_fds", "How many file descriptors may be open.",
                   uint64_t{limit.rlim_cur});
  }
}

}  // namespace control
