// The other half of the exception path: one thread that moves frames between the rings of the poll
// cores and the TAPs. It makes the system calls that a core must not, and sleeps when there is
// nothing to move.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/counters.h"
#include "dataplane/base/result.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/poll/exception.h"
#include "dataplane/ports/kernel_mute.h"
#include "dataplane/ports/tap.h"

namespace ports {

/// One port's part of it.
struct ExceptionPort {
  uint16_t index = 0;  // The port's place in the configuration.
  TapSettings tap;     // Its MTU at most; a larger one than frames have room for is cut down.
};

/// Built before the cores start, gone after they have ended.
class ExceptionPath {
 public:
  /// Makes the TAPs, and keeps the kernel quiet on them about UDP to `binds`, which it sees when
  /// fragments make it whole again. Fails with "tap:NAME: what, and what was expected".
  static base::Result<std::unique_ptr<ExceptionPath>, std::string> open(
      unsigned cores, const std::vector<ExceptionPort>& ports,
      const std::vector<base::Endpoint>& binds);

  ~ExceptionPath();
  ExceptionPath(const ExceptionPath&) = delete;
  ExceptionPath& operator=(const ExceptionPath&) = delete;

  /// The thread: runs until a stop was requested, and then until the rings of the cores are empty.
  void run();

  // From any thread.
  void stop();
  struct PortCounters {
    base::Counter to_kernel;  // Frames the TAP has taken ...
    base::Counter refused;    // ... and those it has not: it is down, or gone.
    base::Counters<poll::Unsent> unsent;
  };
  [[nodiscard]] const base::Counter& turns() const { return turns_; }

  // What cores and metrics hold on to, for as long as this object lives.
  [[nodiscard]] poll::ToKernel& to_kernel(unsigned core) { return *cores_[core]; }
  /// Nullptr if the `port`-th of the configuration has no exception path; so below.
  [[nodiscard]] poll::ExceptionRing* from_kernel(uint16_t port);
  [[nodiscard]] const PortCounters* counters(uint16_t port) const;

 private:
  struct Lane;
  ExceptionPath();

  base::Result<void, std::string> add(const ExceptionPort& port,
                                      const std::vector<base::Endpoint>& binds);
  [[nodiscard]] Lane* lane_of(uint16_t port) const;
  [[nodiscard]] bool stop_requested() const { return stop_.load(std::memory_order_relaxed); }
  unsigned deliver();
  unsigned collect();
  void write(const poll::ExceptionFrame& frame);
  void sleep();

  exchange::Doorbell doorbell_;
  base::Descriptor epoll_;
  std::vector<std::unique_ptr<poll::ToKernel>> cores_;
  std::vector<std::unique_ptr<Lane>> lanes_;     // One for each TAP.
  std::unique_ptr<poll::ExceptionFrame> frame_;  // The one in hand.
  base::Counter turns_;
  std::atomic<bool> stop_{false};
};

}  // namespace ports
