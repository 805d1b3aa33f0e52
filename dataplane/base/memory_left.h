// How much memory this process can still take before it is told no, or killed for it: a promise of
// mmap is worth nothing to a memory cgroup, which counts pages when they are touched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace base {

struct MemoryLeft {
  uint64_t octets = 0;
  std::string limit;  // What it is that limits: "the address space of a process (ulimit -v)".
};

/// Files are opened once, so that threads may ask which could not open any, and read anew each
/// time: limits change while a process runs.
class MemoryLimits {
 public:
  /// Of this process: its cgroup and those above it (version 1 or 2), its address space and data
  /// (setrlimit(2)), and what the machine has. What cannot be read does not limit.
  MemoryLimits();
  ~MemoryLimits();
  MemoryLimits(const MemoryLimits&) = delete;
  MemoryLimits& operator=(const MemoryLimits&) = delete;

  /// By the narrowest of the limits; nothing if none is known. Any thread, about 50 µs.
  [[nodiscard]] std::optional<MemoryLeft> left() const;

 private:
  struct Cgroup {
    std::string limit_file;
    int limit;
    int usage;
    int statistics;
  };
  std::vector<Cgroup> cgroups_;
  int process_;
  int machine_;
};

// How files of the kernel's are read; pure.

/// A folder of the memory controller's that holds for a process, and which version it is of.
struct MemoryCgroup {
  std::string folder;
  bool version2 = false;

  friend bool operator==(const MemoryCgroup&, const MemoryCgroup&) = default;
};
/// The process's own and those above it, from /proc/self/cgroup and /proc/self/mountinfo.
[[nodiscard]] std::vector<MemoryCgroup> memory_cgroups(std::string_view membership,
                                                       std::string_view mounts);

/// What a cgroup has left, from the contents of its limit, usage and memory.stat; files' pages do
/// not count, since the kernel gives those up. Nothing if it has no limit.
[[nodiscard]] std::optional<uint64_t> left_in_cgroup(std::string_view limit, std::string_view usage,
                                                     std::string_view statistics);

}  // namespace base
