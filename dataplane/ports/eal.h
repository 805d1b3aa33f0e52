// DPDK's environment (memory, lcores, buses, plugins) as one object: started once per process,
// cleaned up with it.
//
// Everything an operator could have to know is composed here from settings: no EAL argument is ever
// typed by hand. What EAL and its drivers print arrives line by line at `EalLog` and nowhere else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/ports/settings.h"

namespace ports {

enum class LogLevel : uint8_t { Debug, Info, Warning, Error };

/// Takes one complete line without its newline. Called by whichever thread made EAL or a driver
/// talk, never by two at once.
using EalLog = std::function<void(LogLevel, std::string_view line)>;

/// Move-only. Every Port, mempool, ring and RCU variable has to be gone before it is destroyed.
class Eal {
 public:
  /// Once per process: a second start fails, after a failed first one too. On return the calling
  /// thread may run on the control CPUs only, so that threads it makes later stay off the cores
  /// that poll. No signal handler is touched. Fails with what is missing and what to do: hugepages,
  /// a CPU outside this process's affinity, a limit of settings.h; else with EAL's own reason and
  /// what it complained of.
  /// `other_megabytes`: about what the process will take besides, for which room is left.
  static base::Result<Eal, std::string> start(const EalSettings& settings, EalLog log,
                                              unsigned other_megabytes = 0);

  ~Eal();
  Eal(Eal&& other) noexcept;
  Eal& operator=(Eal&& other) noexcept;

  [[nodiscard]] bool uses_hugepages() const;
  [[nodiscard]] unsigned memory_megabytes() const;
  /// What is other than the settings say, and why: for the operator.
  [[nodiscard]] const std::vector<std::string>& notes() const;
  /// CPUs of this process on which nothing polls; all of its CPUs if every one polls.
  [[nodiscard]] const std::vector<unsigned>& control_cpus() const;
  /// Runs `work` on the thread that EAL keeps for interrupts and alarms, and waits for it. False if
  /// that thread does not take it.
  [[nodiscard]] bool run_on_interrupt_thread(std::function<void()> work) const;

 private:
  struct Running;
  explicit Eal(std::unique_ptr<Running> running);

  std::unique_ptr<Running> running_;
};

/// One line to the log that `Eal::start` was given. For the device side of this folder; never from
/// a poll core.
void log_line(LogLevel level, std::string_view line);
/// What EAL, drivers, libbpf and libxdp have warned of since the last call, oldest first, in one
/// line.
[[nodiscard]] std::string take_complaints();

}  // namespace ports
