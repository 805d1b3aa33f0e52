#include "dataplane/base/memory_left.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace base {
namespace {

// Version 1 has no word for "none", only a number that no machine has.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;
constexpr uint64_t kOctetsPerKilobyte = 1024;
constexpr unsigned kDeepestCgroup = 32;

/// Takes what stands before `end` off `text`, and `end` with it.
std::string_view take_until(std::string_view& text, char end) {
  const size_t size = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return taken;
}

std::optional<uint64_t> number_in(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

/// The number behind `name` at the start of a line.
std::optional<uint64_t> named_number(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    line.remove_prefix(name.size());
    if (line.front() == ' ') return number_in(line);
  }
  return std::nullopt;
}

/// Whether `list`, with commas between, has `word`.
bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (take_until(list, ',') == word) return true;
  }
  return false;
}

/// A line of /proc/self/mountinfo, proc(5).
struct Mount {
  std::string_view root;
  std::string_view folder;
  std::string_view type;
  std::string_view options;
};

Mount mount_of(std::string_view line) {
  Mount mount;
  for (int skipped = 0; skipped < 3; ++skipped) (void)take_until(line, ' ');
  mount.root = take_until(line, ' ');
  mount.folder = take_until(line, ' ');
  while (!line.empty() && take_until(line, ' ') != "-") {
  }
  mount.type = take_until(line, ' ');
  (void)take_until(line, ' ');
  mount.options = line;
  return mount;
}

/// The path of a process's cgroup: of the memory controller's own hierarchy, or of version 2.
std::optional<std::string_view> path_in(std::string_view membership, bool version2) {
  while (!membership.empty()) {
    std::string_view line = take_until(membership, '\n');
    const std::string_view number = take_until(line, ':');
    const std::string_view controllers = take_until(line, ':');
    if (version2 ? number == "0" && controllers.empty() : has_word(controllers, "memory"))
      return line;
  }
  return std::nullopt;
}

/// The folders of `path` and all above it, up to where the hierarchy is mounted.
void add_folders(const Mount& mount, std::string_view path, bool version2,
                 std::vector<MemoryCgroup>& found) {
  // A container may see a part of the hierarchy, and its own path as it is from outside.
  if (mount.root != "/" && path.starts_with(mount.root)) path.remove_prefix(mount.root.size());
  while (path.ends_with('/')) path.remove_suffix(1);
  for (unsigned depth = 0; depth < kDeepestCgroup; ++depth) {
    found.push_back({std::string(mount.folder) + std::string(path), version2});
    if (path.empty()) return;
    path = path.substr(0, path.rfind('/'));
  }
}

constexpr size_t kLargestFile = 16384;

/// What a file says now; empty if it cannot be read.
std::string text_of(int descriptor) {
  std::array<char, kLargestFile> buffer;
  const ssize_t size = descriptor < 0 ? 0 : pread(descriptor, buffer.data(), buffer.size(), 0);
  return {buffer.data(), size < 0 ? 0 : static_cast<size_t>(size)};
}

int open_file(const std::string& path) { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }

std::string whole_file(const char* path) {
  const int descriptor = open_file(path);
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size;
       descriptor >= 0 && (size = read(descriptor, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<size_t>(size));
  if (descriptor >= 0) close(descriptor);
  return text;
}

void narrow(std::optional<MemoryLeft>& narrowest, std::optional<uint64_t> octets,
            std::string_view limit) {
  if (!octets || (narrowest && narrowest->octets <= *octets)) return;
  narrowest = MemoryLeft{*octets, std::string(limit)};
}

std::optional<uint64_t> left_of(int resource, uint64_t used) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur - std::min<uint64_t>(limit.rlim_cur, used);
}

}  // namespace

std::vector<MemoryCgroup> memory_cgroups(std::string_view membership, std::string_view mounts) {
  std::vector<MemoryCgroup> found;
  while (!mounts.empty()) {
    const Mount mount = mount_of(take_until(mounts, '\n'));
    const bool version2 = mount.type == "cgroup2";
    if (!version2 && (mount.type != "cgroup" || !has_word(mount.options, "memory"))) continue;
    if (const auto path = path_in(membership, version2)) add_folders(mount, *path, version2, found);
  }
  return found;
}

std::optional<uint64_t> left_in_cgroup(std::string_view limit, std::string_view usage,
                                       std::string_view statistics) {
  const std::optional<uint64_t> most = number_in(limit);  // Version 2 says "max" if there is none.
  const std::optional<uint64_t> used = number_in(usage);
  if (!most || *most >= kNoLimit || !used) return std::nullopt;
  uint64_t files = 0;
  for (const auto& [below, here] : {std::pair("total_inactive_file", "inactive_file"),
                                    std::pair("total_active_file", "active_file")}) {
    // Version 1 has both: of this cgroup alone, and with those below, as `usage` is.
    const std::optional<uint64_t> total = named_number(statistics, below);
    files += total ? *total : named_number(statistics, here).value_or(0);
  }
  const uint64_t held = *used - std::min(*used, files);
  return *most - std::min(*most, held);
}

MemoryLimits::MemoryLimits()
    : process_(open_file("/proc/self/statm")), machine_(open_file("/proc/meminfo")) {
  const std::string membership = whole_file("/proc/self/cgroup");
  for (const MemoryCgroup& one : memory_cgroups(membership, whole_file("/proc/self/mountinfo"))) {
    const std::string limit =
        one.folder + (one.version2 ? "/memory.max" : "/memory.limit_in_bytes");
    const int opened = open_file(limit);
    if (opened < 0) continue;  // The root of version 2 has none.
    cgroups_.push_back(
        {limit, opened,
         open_file(one.folder + (one.version2 ? "/memory.current" : "/memory.usage_in_bytes")),
         open_file(one.folder + "/memory.stat")});
  }
}

MemoryLimits::~MemoryLimits() {
  for (const Cgroup& cgroup : cgroups_) {
    for (const int descriptor : {cgroup.limit, cgroup.usage, cgroup.statistics}) {
      if (descriptor >= 0) close(descriptor);
    }
  }
  for (const int descriptor : {process_, machine_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

std::optional<MemoryLeft> MemoryLimits::left() const {
  std::optional<MemoryLeft> narrowest;
  for (const Cgroup& cgroup : cgroups_) {
    narrow(narrowest,
           left_in_cgroup(text_of(cgroup.limit), text_of(cgroup.usage), text_of(cgroup.statistics)),
           "its memory cgroup (" + cgroup.limit_file + ")");
  }
  // All pages of the process are the first number, and data and stack the sixth. proc(5).
  const std::string process = text_of(process_);
  std::string_view rest = process;
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const std::optional<uint64_t> all = number_in(take_until(rest, ' '));
  for (int skipped = 0; skipped < 4; ++skipped) (void)take_until(rest, ' ');
  const std::optional<uint64_t> data = number_in(take_until(rest, ' '));
  if (all) narrow(narrowest, left_of(RLIMIT_AS, *all * page), "its address space (ulimit -v)");
  if (data) narrow(narrowest, left_of(RLIMIT_DATA, *data * page), "its data (ulimit -d)");
  const std::optional<uint64_t> available = named_number(text_of(machine_), "MemAvailable:");
  if (available) narrow(narrowest, *available * kOctetsPerKilobyte, "what the machine has");
  return narrowest;
}

}  // namespace base
